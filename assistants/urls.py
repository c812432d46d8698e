from django.urls import URLPattern, path

from assistants.views import chat, health

urlpatterns: list[URLPattern] = [
    path("", chat.home, name="home"),
    path("chat/", chat.new_chat, name="chat"),
    path("chat/<uuid:conversation_id>/", chat.conversation, name="conversation"),
    path("citations/<uuid:answer_id>/<int:number>/", chat.citation, name="citation"),
    path("healthz", health.healthz, name="healthz"),
    path("metrics", health.metrics, name="metrics"),
]

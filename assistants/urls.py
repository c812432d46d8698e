from django.urls import URLPattern, path

from assistants.api import views as api
from assistants.views import chat, documents, health, receipts, reviews

urlpatterns: list[URLPattern] = [
    path("", chat.home, name="home"),
    path("chat/", chat.new_chat, name="chat"),
    path("chat/<uuid:conversation_id>/", chat.conversation, name="conversation"),
    path("chat/preview/", chat.preview, name="preview"),
    path("receipts/<uuid:answer_id>/", receipts.receipt, name="receipt"),
    path("citations/<uuid:answer_id>/<int:number>/", chat.citation, name="citation"),
    path("reviews/<uuid:answer_id>/", reviews.note, name="review-note"),
    path("reviews/<uuid:answer_id>/reply/", reviews.reply, name="review-reply"),
    path("reviews/<uuid:answer_id>/appeal/", reviews.appeal, name="review-appeal"),
    path("notifications/", reviews.notification_list, name="notifications"),
    path("notifications/read/", reviews.read_notifications, name="read-notifications"),
    path("documents/", documents.document_list, name="documents"),
    path("documents/<uuid:document_id>/", documents.document, name="document"),
    path("documents/<uuid:document_id>/passage/", documents.passage, name="passage"),
    path("documents/<uuid:document_id>/remove/", documents.remove, name="remove-document"),
    path("documents/<uuid:document_id>/restore/", documents.restore, name="restore-document"),
    path("documents/versions/<uuid:version_id>/retry/", documents.retry, name="retry-version"),
    path(
        "documents/versions/<uuid:version_id>/discard/", documents.discard, name="discard-version"
    ),
    path("v1/models", api.models, name="api-models"),
    path("v1/models/<str:name>", api.model, name="api-model"),
    path("v1/chat/completions", api.create_completion, name="api-completions"),
    path("v1/chat/completions/<str:name>", api.completion, name="api-completion"),
    path("v1/<path:rest>", api.unknown, name="api-unknown"),
    path("healthz", health.healthz, name="healthz"),
    path("metrics", health.metrics, name="metrics"),
]

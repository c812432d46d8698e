from django.urls import URLPattern, path

from assistants.views import chat, documents, health, receipts

urlpatterns: list[URLPattern] = [
    path("", chat.home, name="home"),
    path("chat/", chat.new_chat, name="chat"),
    path("chat/<uuid:conversation_id>/", chat.conversation, name="conversation"),
    path("chat/preview/", chat.preview, name="preview"),
    path("receipts/<uuid:answer_id>/", receipts.receipt, name="receipt"),
    path("citations/<uuid:answer_id>/<int:number>/", chat.citation, name="citation"),
    path("documents/", documents.document_list, name="documents"),
    path("documents/<uuid:document_id>/", documents.document, name="document"),
    path("documents/<uuid:document_id>/passage/", documents.passage, name="passage"),
    path("documents/<uuid:document_id>/remove/", documents.remove, name="remove-document"),
    path("documents/<uuid:document_id>/restore/", documents.restore, name="restore-document"),
    path("documents/versions/<uuid:version_id>/retry/", documents.retry, name="retry-version"),
    path(
        "documents/versions/<uuid:version_id>/discard/", documents.discard, name="discard-version"
    ),
    path("healthz", health.healthz, name="healthz"),
    path("metrics", health.metrics, name="metrics"),
]

from django.urls import URLPattern, path

from assistants.api import views as api
from assistants.views import (
    chat,
    dictation,
    documents,
    health,
    notes,
    notices,
    receipts,
    recording_pages,
    recordings,
    reviews,
)

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
    path("notices/<slug:notice>/close/", notices.close, name="close-notice"),
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
    path("dictation/", dictation.listen, name="dictation"),
    path("recordings/", recording_pages.recording_list, name="recordings"),
    path("recordings/<uuid:recording_id>/", recording_pages.recording, name="recording"),
    path("recordings/<uuid:recording_id>/speakers/", recording_pages.speakers, name="speakers"),
    path("recordings/<uuid:recording_id>/notes/", recording_pages.draft_note, name="draft-note"),
    path("recordings/segments/<uuid:segment_id>/", recording_pages.segment, name="segment"),
    path(
        "recordings/segments/<uuid:segment_id>/history/",
        recording_pages.history,
        name="segment-history",
    ),
    path("notes/<uuid:note_id>/", notes.note, name="note"),
    path("notes/<uuid:note_id>/edit/", notes.edit, name="edit-note"),
    path("notes/<uuid:note_id>/approve/", notes.approve, name="approve-note"),
    path("notes/<uuid:note_id>/retry/", notes.retry, name="retry-note"),
    path("notes/<uuid:note_id>/delete/", notes.delete, name="delete-note"),
    path("notes/<uuid:note_id>/export/", notes.export, name="note-export"),
    path("recordings/create/", recordings.create, name="create-recording"),
    path("recordings/<uuid:recording_id>/chunks/", recordings.chunks, name="recording-chunks"),
    path(
        "recordings/<uuid:recording_id>/chunks/<int:number>/",
        recordings.chunk,
        name="recording-chunk",
    ),
    path("recordings/<uuid:recording_id>/finish/", recordings.finish, name="finish-recording"),
    path(
        "recordings/<uuid:recording_id>/progress/", recordings.progress, name="recording-progress"
    ),
    path("recordings/<uuid:recording_id>/audio/", recordings.audio, name="recording-audio"),
    path("recordings/<uuid:recording_id>/bleeped/", recordings.bleeped, name="bleeped-recording"),
    path(
        "recordings/<uuid:recording_id>/export/<slug:format>/",
        recordings.export,
        name="export-transcript",
    ),
    path(
        "recordings/<uuid:recording_id>/<slug:action>/", recordings.change, name="change-recording"
    ),
    path("v1/models", api.models, name="api-models"),
    path("v1/models/<str:name>", api.model, name="api-model"),
    path("v1/chat/completions", api.create_completion, name="api-completions"),
    path("v1/chat/completions/<str:name>", api.completion, name="api-completion"),
    path("v1/<path:rest>", api.unknown, name="api-unknown"),
    path("healthz", health.healthz, name="healthz"),
    path("metrics", health.metrics, name="metrics"),
]

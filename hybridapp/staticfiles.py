"""Static files with the hash of their content in the name, compressed, cached for ever."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    # ES modules import each other by name; without this their imports would miss the hash.
    support_js_module_import_aggregation = True

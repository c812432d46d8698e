from django.apps import AppConfig


class AssistantsConfig(AppConfig):
    name = "assistants"
    verbose_name = "Assistants"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.db.models.signals import post_migrate

        from assistants import checks, data  # noqa: F401  # registers the system checks
        from assistants.services import lifecycle, policies, registry, rights

        post_migrate.connect(data.grant_rights, sender=self)
        rights.connect_signals()
        lifecycle.connect_signals()
        registry.connect_signals()
        policies.connect_signals()

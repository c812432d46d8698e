"""Policies and their versions; one that has left its draft is kept as it is."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import assistants.models.base

KEPT = """
create function assistants_keep_policy_version() returns trigger language plpgsql as $$
begin
    if old.stage = 'draft' then
        return case tg_op when 'DELETE' then old else new end;
    end if;
    if tg_op = 'DELETE' then
        raise exception 'a policy version that has left its draft is kept';
    end if;
    if (new.policy_id, new.number, new.rules, new.cases)
        is distinct from (old.policy_id, old.number, old.rules, old.cases)
        or new.stage = 'draft' then
        raise exception 'a policy version that has left its draft is not changed';
    end if;
    return new;
end $$;
create trigger kept before update or delete on assistants_policyversion
    for each row execute function assistants_keep_policy_version();
"""

NOT_KEPT = """
drop trigger kept on assistants_policyversion;
drop function assistants_keep_policy_version();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("assistants", "0018_first_token_seconds"),
        ("auth", "0012_alter_user_first_name_max_length"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Policy",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=assistants.models.base.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "level",
                    models.CharField(
                        choices=[
                            ("organisation", "organisation"),
                            ("department", "department"),
                            ("assistant", "assistant"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "assistant",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="policies",
                        to="assistants.assistant",
                    ),
                ),
                (
                    "department",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="policies",
                        to="auth.group",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "policies",
            },
        ),
        migrations.CreateModel(
            name="PolicyVersion",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=assistants.models.base.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("rules", models.JSONField(default=dict, help_text="as docs/policies.md has it")),
                ("cases", models.JSONField(default=list, help_text="examples that must hold")),
                (
                    "stage",
                    models.CharField(
                        choices=[
                            ("draft", "draft"),
                            ("shadow", "in shadow"),
                            ("active", "active"),
                            ("retired", "retired"),
                        ],
                        default="draft",
                        max_length=7,
                    ),
                ),
                ("created", models.DateTimeField(auto_now_add=True)),
                (
                    "edits",
                    models.PositiveIntegerField(
                        default=0, help_text="how often the draft was saved"
                    ),
                ),
                ("reason", models.TextField(blank=True, help_text="of its latest change of stage")),
                (
                    "staged",
                    models.DateTimeField(
                        blank=True, help_text="when its stage last changed", null=True
                    ),
                ),
                (
                    "compared",
                    models.PositiveBigIntegerField(default=0, help_text="decisions made in shadow"),
                ),
                (
                    "differing",
                    models.PositiveBigIntegerField(
                        default=0, help_text="of them, other than the active"
                    ),
                ),
                (
                    "author",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "before",
                    models.ForeignKey(
                        blank=True,
                        help_text="the version that was active when this one first became it",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="assistants.policyversion",
                    ),
                ),
                (
                    "policy",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="versions",
                        to="assistants.policy",
                    ),
                ),
                (
                    "staged_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["policy", "-number"],
                "permissions": [
                    ("activate_policyversion", "Can activate, shadow, retire and roll back")
                ],
            },
        ),
        migrations.CreateModel(
            name="ShadowDifference",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=assistants.models.base.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("at", models.DateTimeField()),
                (
                    "subject",
                    models.UUIDField(
                        help_text="the answer or message that it was about", null=True
                    ),
                ),
                ("assistant", models.CharField(max_length=50)),
                ("stage", models.CharField(max_length=10)),
                ("outcome", models.CharField(help_text="of the active versions", max_length=10)),
                ("rule", models.CharField(blank=True, max_length=80)),
                ("shadow_outcome", models.CharField(max_length=10)),
                ("shadow_rule", models.CharField(blank=True, max_length=80)),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="differences",
                        to="assistants.policyversion",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.AddConstraint(
            model_name="policy",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("assistant", None), ("department", None), ("level", "organisation")),
                    models.Q(
                        ("assistant", None), ("department__isnull", False), ("level", "department")
                    ),
                    models.Q(
                        ("assistant__isnull", False), ("department", None), ("level", "assistant")
                    ),
                    _connector="OR",
                ),
                name="policy_of_one",
            ),
        ),
        migrations.AddConstraint(
            model_name="policy",
            constraint=models.UniqueConstraint(
                fields=("level", "department", "assistant"),
                name="one_policy_each",
                nulls_distinct=False,
                violation_error_message="There is a policy for this already. Change that one.",
            ),
        ),
        migrations.AddConstraint(
            model_name="policyversion",
            constraint=models.UniqueConstraint(fields=("policy", "number"), name="policy_number"),
        ),
        migrations.AddConstraint(
            model_name="policyversion",
            constraint=models.UniqueConstraint(
                condition=models.Q(("stage", "active")),
                fields=("policy",),
                name="one_active_version",
            ),
        ),
        migrations.AddConstraint(
            model_name="policyversion",
            constraint=models.UniqueConstraint(
                condition=models.Q(("stage", "shadow")),
                fields=("policy",),
                name="one_shadow_version",
            ),
        ),
        migrations.AddIndex(
            model_name="shadowdifference",
            index=models.Index(fields=["version", "-id"], name="difference_version"),
        ),
        migrations.RunSQL(KEPT, NOT_KEPT),
    ]

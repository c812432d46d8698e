"""Reviews: what people decide, whose it is to see, and what is open to a reviewer."""

import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import assistants.models.base

SYSTEM = "(select coalesce(current_setting('hybridapp.system', true), '') = 'on')"
READER = "(select nullif(current_setting('hybridapp.user', true), '')::bigint)"
SLUGS = """(
    select coalesce(nullif(current_setting('hybridapp.slugs', true), ''), '{}')::varchar[]
)::varchar[]"""
# The keys of the one question and answer that are open for review in this transaction.
REVIEWED = """any ((
    select coalesce(nullif(current_setting('hybridapp.reviewed', true), ''), '{}')::uuid[]
)::uuid[])"""

# As in 0008, and what is open for review.
RULES = {
    "assistants_message": (f"author_id = {READER}", f"id = {REVIEWED}"),
    "assistants_answer": (
        f"""coalesce(made_from, zones) <@ {SLUGS}
        and exists (select from assistants_message message where message.id = message_id)""",
        f"id = {REVIEWED}",
    ),
}
ALTER = "alter policy rights on {table} using ({system} or ({rule}){more});"

MEMBER = f"""exists (
    select from auth_user_groups membership where membership.user_id = {READER}
        and membership.group_id in (item.reviewers_id, item.escalated_to_id)
)"""
# An item is its reviewers' and its asker's; what hangs on it is its reviewers' alone.
OF_THE_ITEM = f"""exists (
    select from assistants_reviewitem item where item.id = item_id and {MEMBER}
)"""
CONTENT = {
    "assistants_reviewitem": f"asker_id = {READER} or {MEMBER}".replace("item.", ""),
    "assistants_reviewdecision": OF_THE_ITEM,
    "assistants_reviewcase": OF_THE_ITEM,
    "assistants_notification": f"user_id = {READER}",
}
ROW_LEVEL_SECURITY = """
alter table {table} enable row level security;
alter table {table} force row level security;
create policy rights on {table} using ({system} or ({rule}));
"""
NO_ROW_LEVEL_SECURITY = """
drop policy rights on {table};
alter table {table} no force row level security;
alter table {table} disable row level security;
"""

# Acting for somebody opens nothing for review; acting for a reviewer opens one question and its
# answer, if they are among the item's reviewers at this moment and did not ask it themselves.
ACT_FOR = """
create or replace function assistants_act_for(
    reader bigint, out user_id bigint, out zone_ids bigint[], out slugs varchar[],
    out group_ids bigint[]
) language plpgsql volatile as $$
begin
    select * into user_id, zone_ids, slugs, group_ids from assistants_scope_of(reader);
    perform set_config('hybridapp.user', coalesce(user_id::text, ''), true),
        set_config('hybridapp.zones', zone_ids::text, true),
        set_config('hybridapp.slugs', slugs::text, true),
        set_config('hybridapp.system', '', true){more};
end $$;
"""
ACT_FOR_REVIEWER = """
create function assistants_act_for_reviewer(
    reader bigint, item uuid, out user_id bigint, out zone_ids bigint[], out slugs varchar[],
    out group_ids bigint[]
) language plpgsql volatile as $$
declare
    subject uuid;
    asked uuid;
begin
    select * into user_id, zone_ids, slugs, group_ids from assistants_act_for(reader);
    select review.answer_id into subject from assistants_reviewitem review
        where review.id = item and review.asker_id <> reader;
    if subject is not null then
        perform set_config('hybridapp.reviewed', array[subject]::text, true);
        select answer.message_id into asked from assistants_answer answer
            where answer.id = subject;
        perform set_config('hybridapp.reviewed', array[subject, asked]::text, true);
    end if;
end $$;
"""

REASONS = [
    "The sources do not support it.",
    "It gives advice that only a professional may give.",
    "It names a person or a client who must not be named here.",
    "It is out of the scope of this assistant.",
    "It is misleading without its exceptions.",
]


def add_reasons(apps, schema_editor):
    reasons = apps.get_model("assistants", "ReviewReason").objects
    for position, text in enumerate(REASONS):
        reasons.get_or_create(text=text, defaults={"position": position})


class Migration(migrations.Migration):
    dependencies = [
        ("assistants", "0020_findings"),
        ("auth", "0012_alter_user_first_name_max_length"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ReviewReason",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("text", models.CharField(max_length=300, unique=True)),
                ("position", models.PositiveSmallIntegerField(default=0)),
            ],
            options={
                "ordering": ["position", "text"],
            },
        ),
        migrations.AddField(
            model_name="assistant",
            name="blind_share",
            field=models.FloatField(
                default=0.0,
                help_text="share of its shown answers that two reviewers judge all the same, to see what guardrails miss",
                validators=[
                    django.core.validators.MinValueValidator(0.0),
                    django.core.validators.MaxValueValidator(1.0),
                ],
                verbose_name="blind samples",
            ),
        ),
        migrations.AddField(
            model_name="organisation",
            name="review_escalation",
            field=models.ForeignKey(
                blank=True,
                help_text="who also decides what is escalated, or has waited too long",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="auth.group",
            ),
        ),
        migrations.AddField(
            model_name="organisation",
            name="review_minutes",
            field=models.PositiveIntegerField(
                default=60,
                help_text="how long an answer of ordinary risk may wait for a reviewer; of high risk a quarter of it, of low risk four times as long",
                validators=[django.core.validators.MinValueValidator(1)],
            ),
        ),
        migrations.CreateModel(
            name="ReviewItem",
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
                    "kind",
                    models.CharField(
                        choices=[("policy", "held by policy"), ("blind", "blind sample")],
                        default="policy",
                        max_length=10,
                    ),
                ),
                ("policy", models.CharField(blank=True, max_length=200)),
                ("rule", models.CharField(max_length=500)),
                ("findings", models.JSONField(blank=True, default=list)),
                (
                    "severity",
                    models.FloatField(
                        default=0.5,
                        validators=[
                            django.core.validators.MinValueValidator(0.0),
                            django.core.validators.MaxValueValidator(1.0),
                        ],
                    ),
                ),
                ("four_eyes", models.BooleanField(default=False)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("claimed", "Claimed"),
                            ("asked", "asked the author"),
                            ("approved", "Approved"),
                            ("edited", "Edited"),
                            ("quoted", "answered with quotations"),
                            ("rejected", "Rejected"),
                            ("judged", "Judged"),
                            ("expired", "Expired"),
                        ],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("version", models.PositiveIntegerField(default=0)),
                ("claim_expires", models.DateTimeField(blank=True, null=True)),
                (
                    "taken",
                    models.DateTimeField(
                        blank=True, help_text="when its holder took it", null=True
                    ),
                ),
                ("proposed", models.CharField(blank=True, max_length=10)),
                (
                    "barred",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), blank=True, default=list, size=None
                    ),
                ),
                ("votes", models.PositiveSmallIntegerField(default=0)),
                ("due", models.DateTimeField()),
                ("reminded", models.DateTimeField(blank=True, null=True)),
                ("escalated", models.BooleanField(default=False)),
                (
                    "question",
                    models.TextField(blank=True, help_text="what a reviewer asks the author"),
                ),
                ("reply", models.TextField(blank=True)),
                (
                    "message",
                    models.TextField(blank=True, help_text="the reason, as the asker is told it"),
                ),
                ("difference", models.JSONField(blank=True, default=list)),
                (
                    "appeal",
                    models.TextField(
                        blank=True, help_text="why the asker does not accept the decision"
                    ),
                ),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("decided", models.DateTimeField(blank=True, null=True)),
                (
                    "answer",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="reviews",
                        to="assistants.answer",
                    ),
                ),
                (
                    "appeal_of",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="appealed",
                        to="assistants.reviewitem",
                    ),
                ),
                (
                    "asker",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "assistant",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="assistants.assistant",
                    ),
                ),
                (
                    "department",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="auth.group",
                    ),
                ),
                (
                    "escalated_to",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="auth.group",
                    ),
                ),
                (
                    "holder",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "proposer",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "reviewers",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="auth.group",
                    ),
                ),
            ],
            options={
                "verbose_name": "review",
                "ordering": ["due"],
                "permissions": [
                    ("unseal_reviewitem", "Can lift placeholders in a review, with a reason")
                ],
            },
        ),
        migrations.CreateModel(
            name="ReviewDecision",
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
                ("action", models.CharField(max_length=10)),
                (
                    "verdict",
                    models.CharField(
                        blank=True,
                        choices=[("fine", "Fine"), ("problem", "Problem")],
                        max_length=10,
                    ),
                ),
                ("reason", models.TextField(blank=True)),
                ("before", models.TextField(blank=True)),
                ("text", models.TextField(blank=True)),
                ("hides_removed", models.BooleanField(default=False)),
                ("seconds", models.FloatField(default=0)),
                ("at", models.DateTimeField(auto_now_add=True)),
                (
                    "reviewer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "item",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="decisions",
                        to="assistants.reviewitem",
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="ReviewCase",
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
                ("text", models.TextField()),
                (
                    "label",
                    models.PositiveSmallIntegerField(help_text="1: rightly stopped, 0: harmless"),
                ),
                ("kind", models.CharField(max_length=60)),
                ("added", models.DateTimeField(auto_now_add=True)),
                (
                    "added_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "item",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="case",
                        to="assistants.reviewitem",
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="Notification",
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
                    "kind",
                    models.CharField(
                        choices=[
                            ("approved", "Approved"),
                            ("edited", "Edited"),
                            ("quoted", "Quoted"),
                            ("rejected", "Rejected"),
                            ("expired", "Expired"),
                            ("asked", "Asked"),
                            ("replied", "Replied"),
                            ("handed", "Handed"),
                            ("due", "Due"),
                            ("overdue", "Overdue"),
                        ],
                        max_length=10,
                    ),
                ),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("read", models.DateTimeField(blank=True, null=True)),
                ("mailed", models.DateTimeField(blank=True, null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notifications",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "item",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="assistants.reviewitem",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.AddIndex(
            model_name="reviewitem",
            index=models.Index(
                condition=models.Q(("state__in", ("waiting", "claimed", "asked"))),
                fields=["due"],
                name="review_open",
            ),
        ),
        migrations.AddIndex(
            model_name="reviewitem",
            index=models.Index(fields=["reviewers", "-decided"], name="review_decided"),
        ),
        migrations.AddConstraint(
            model_name="reviewitem",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ("waiting", "claimed", "asked"))),
                fields=("answer", "kind"),
                name="one_open_review",
            ),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(
                condition=models.Q(("read", None)),
                fields=["user", "-id"],
                name="notification_unread",
            ),
        ),
        *[
            migrations.RunSQL(
                ROW_LEVEL_SECURITY.format(table=table, system=SYSTEM, rule=rule),
                NO_ROW_LEVEL_SECURITY.format(table=table),
            )
            for table, rule in CONTENT.items()
        ],
        *[
            migrations.RunSQL(
                ALTER.format(table=table, system=SYSTEM, rule=rule, more=f" or {more}"),
                ALTER.format(table=table, system=SYSTEM, rule=rule, more=""),
            )
            for table, (rule, more) in RULES.items()
        ],
        migrations.RunSQL(
            ACT_FOR.replace("{more}", ",\n        set_config('hybridapp.reviewed', '', true)"),
            ACT_FOR.replace("{more}", ""),
        ),
        migrations.RunSQL(
            ACT_FOR_REVIEWER, "drop function assistants_act_for_reviewer(bigint, uuid)"
        ),
        migrations.RunPython(add_reasons, migrations.RunPython.noop),
    ]

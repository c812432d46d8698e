"""An entity goes with its last mention: the names in a zone are those its documents still name.

When a document moves to another zone or is deleted, nothing of it stays behind, not even a name.
"""

from django.db import migrations

# A relation is only between entities that its own chunk mentions, so none is left pointing here.
FORGETTING = """
create function assistants_forget_entities() returns trigger language plpgsql as $$
begin
    delete from assistants_entity as entity
        using (select distinct entity_id from removed) as gone
        where entity.id = gone.entity_id
            and not exists (select from assistants_mention where entity_id = entity.id);
    return null;
end $$;
create trigger forgotten after delete on assistants_mention
    referencing old table as removed
    for each statement execute function assistants_forget_entities();
"""

NOT_FORGETTING = """
drop trigger forgotten on assistants_mention;
drop function assistants_forget_entities();
"""


class Migration(migrations.Migration):
    dependencies = [("assistants", "0008_rights")]

    operations = [migrations.RunSQL(FORGETTING, NOT_FORGETTING)]

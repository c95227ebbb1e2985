"""Numbers for people, also of the orders there are.

The database numbers them by itself, as `order_number.generate` does, because the version before
this one goes on placing orders until it is replaced.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

# ISO 7064 MOD 37,36; a version 4 UUID's bytes 9 to 15 are random in all their bits.
_FUNCTION = """
CREATE FUNCTION new_order_number() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    spoken constant text := '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
    every constant text := '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ';
    source bytea;
    typed text;
    product integer;
    last text;
BEGIN
    LOOP
        source := uuid_send(gen_random_uuid());
        typed := '';
        product := 36;
        FOR i IN 9..15 LOOP
            typed := typed || substr(spoken, (get_byte(source, i) & 31) + 1, 1);
            product := (product + strpos(every, right(typed, 1)) - 1) % 36;
            product := (CASE product WHEN 0 THEN 36 ELSE product END) * 2 % 37;
        END LOOP;
        last := substr(every, (37 - product) % 36 + 1, 1);
        IF strpos(spoken, last) > 0 THEN
            RETURN 'MS-' || left(typed, 4) || '-' || right(typed, 3) || last;
        END IF;
    END LOOP;
END $$
"""
_ALIKE = """
UPDATE orders SET number = new_order_number()
 WHERE id IN (SELECT later.id FROM orders later JOIN orders earlier
                  ON earlier.number = later.number AND earlier.id < later.id)
"""


def upgrade() -> None:
    """Add the column, number every order, and keep the numbers unique."""
    op.execute(_FUNCTION)
    op.add_column(
        "orders",
        sa.Column("number", sa.Text, nullable=False, server_default=sa.text("new_order_number()")),
    )
    while op.get_bind().execute(sa.text(_ALIKE)).rowcount:
        pass
    op.create_unique_constraint("orders_number", "orders", ["number"])

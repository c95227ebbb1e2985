"""Six digits, and their hashes."""

from uuid import UUID

from shop_user import codes

SALT, OTHER = UUID(int=1), UUID(int=2)


def test_a_code_is_six_digits() -> None:
    made = {codes.new_code() for _ in range(200)}
    assert all(len(code) == 6 and code.isdigit() for code in made)
    assert len(made) > 150


def test_only_the_code_matches_and_only_in_its_row() -> None:
    digest = codes.hashed("012345", salt=SALT)
    assert "012345" not in digest
    assert codes.matches("012345", salt=SALT, digest=digest)
    assert not codes.matches("012346", salt=SALT, digest=digest)
    assert not codes.matches("012345", salt=OTHER, digest=digest)

from shop_cluster.platform_secrets import missing

NAMES = {"postgres-admin", "mongodb-admin", "redis-auth", "rabbitmq-auth"}


def test_secrets_are_never_the_same_twice() -> None:
    passwords = [found["stringData"]["password"] for _ in range(2) for found in missing(set())]
    assert len(set(passwords)) == 2 * len(NAMES)


def test_what_exists_is_kept() -> None:
    assert {found["metadata"]["name"] for found in missing(set())} == NAMES
    assert missing(NAMES | {"other"}) == []

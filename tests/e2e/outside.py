"""What is outside the namespaces of services: in the stores and in the platform's namespace."""

from shop_journey.kubectl import Kubectl

from store_access import Stores

External = tuple[str, str, str]
"""Store, kind and name."""


async def outside(kubectl: Kubectl, stores: Stores) -> set[str]:
    """Return what is in the stores and in the platform's namespace.

    Without the logins that Vault made for pods of the shop: they end with their leases.
    """
    rows = await stores.rows(
        "postgres",
        "SELECT 'role ' || rolname AS name FROM pg_roles WHERE rolname NOT LIKE 'v-%-shop-%'"
        " UNION ALL SELECT 'database ' || datname FROM pg_database"
        " UNION ALL SELECT 'slot ' || slot_name FROM pg_replication_slots",
    )
    kinds = "kafkatopics,kafkaconnectors,roles,rolebindings,secrets,networkpolicies"
    items = (await kubectl.get(kinds, "-n=platform"))["items"]
    return {
        *(row["name"] for row in rows),
        *(f"mongodb {name}" for name in await stores.mongodb_names()),
        *(f"{item['kind']} {item['metadata']['name']}" for item in items),
    }


async def recorded(kubectl: Kubectl) -> dict[str, set[External]]:
    """Return what each ShopService of the shop has recorded that it made outside."""
    items = (await kubectl.get("shopservices", "-n=shop"))["items"]
    return {
        item["metadata"]["name"]: {
            (entry["store"], entry["kind"], entry["name"])
            for entry in item["status"].get("external", ())
        }
        for item in items
    }

"""Renders a ShopService into the manifests of its children: a pure function."""

from shop_operator.children.access_secret import Access, access_secret
from shop_operator.children.autoscaler import autoscaler
from shop_operator.children.capture_login import capture_login
from shop_operator.children.deployment import deployment
from shop_operator.children.disruption_budget import disruption_budget
from shop_operator.children.kafka_connector import kafka_connector
from shop_operator.children.kafka_topic import kafka_topics
from shop_operator.children.network_policy import network_policy
from shop_operator.children.prometheus_rule import prometheus_rules
from shop_operator.children.route import routes
from shop_operator.children.service import services
from shop_operator.children.service_account import service_account
from shop_operator.children.service_monitor import service_monitor
from shop_operator.metadata import Manifest
from shop_operator.settings import Settings
from shop_operator.spec import ShopService


def render(service: ShopService, platform: Settings, access: Access) -> list[Manifest]:
    """Return the children in the order of writing: what pods need comes first."""
    return [
        service_account(service),
        *access_secret(service, platform, access),
        network_policy(service, platform),
        *kafka_topics(service, platform),
        *services(service),
        deployment(service, platform, access),
        *autoscaler(service, platform),
        disruption_budget(service),
        *routes(service, platform),
        service_monitor(service, platform),
        *prometheus_rules(service, platform),
        *capture_login(service, platform, access),
        *kafka_connector(service, platform, access),
    ]

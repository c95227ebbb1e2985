"""The settings of the operator that runs in the cluster: a plan must equal what it will do."""

import os
import sys
from typing import Final

from shop_operator.api.api_client import ApiClient
from shop_operator.api.api_errors import ApiError
from shop_operator.api.kinds import DEPLOYMENT
from shop_operator.settings import Settings

_NAME: Final = "shop-operator"
_PREFIX: Final = "MINISHOP_"


async def platform_of(client: ApiClient) -> Settings:
    """Return the operator's settings, read from its Deployment; MINISHOP_* here override them.

    Where the Deployment cannot be read, the defaults are used and a line on stderr says so.
    Raises ValidationError.
    """
    here = Settings()
    try:
        found = await client.get(DEPLOYMENT, here.operator_namespace, _NAME)
    except ApiError as error:
        sys.stderr.write(f"kubectl shop: the operator's settings are not known: {error}\n")
        return here
    for container in found["spec"]["template"]["spec"]["containers"]:
        for variable in container.get("env") or ():
            if variable["name"].startswith(_PREFIX) and "value" in variable:
                os.environ.setdefault(variable["name"], variable["value"])
    return Settings()

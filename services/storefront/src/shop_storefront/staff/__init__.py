"""The staff's pages, a module an area."""

from fastapi import APIRouter

ROUTERS: tuple[APIRouter, ...] = ()

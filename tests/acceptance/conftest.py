"""Fixtures: one world per module and store, and the rule that a story stops where a step of it has failed."""

import os

import pytest
from stores import Cluster
from world import World, make_store


@pytest.fixture(scope="session")
def postgres_admin_url():
    """The URL of a PostgreSQL server on which databases may be made: the one given, or one of our own."""
    clusters = []

    def url() -> str:
        if given := os.environ.get("BREVET_TEST_POSTGRES"):
            return given
        if not clusters:
            clusters.append(Cluster())
        return clusters[0].admin_url

    yield url
    for cluster in clusters:
        cluster.remove()


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def world(request, tmp_path_factory, postgres_admin_url):
    """A running broker; each module's worlds are its own, one on each store."""
    yield from _world(request.param, tmp_path_factory, postgres_admin_url)


@pytest.fixture(scope="module")
def embedded_world(tmp_path_factory, postgres_admin_url):
    """A running broker on the embedded store, for what does not depend on the store."""
    yield from _world("sqlite", tmp_path_factory, postgres_admin_url)


def _world(store_name, tmp_path_factory, postgres_admin_url):
    store = make_store(store_name, postgres_admin_url)
    world = World(tmp_path_factory.mktemp(store_name), store)
    yield world
    world.end()
    world.broker.assert_no_panic()


# A story's steps stand on one another: once one has failed, those after it would only repeat the news.

_broken: dict[tuple[str, str], str] = {}


def _story(item) -> tuple[str, str] | None:
    if item.get_closest_marker("story") is None:
        return None
    on_each_store = getattr(item, "callspec", None)
    return item.cls.__name__, on_each_store.params.get("world", "") if on_each_store else ""


def pytest_configure(config):
    config.addinivalue_line("markers", "story: the tests of this class are steps, and stop at the first that fails")


def pytest_runtest_makereport(item, call):
    if call.excinfo is not None and (story := _story(item)):
        _broken.setdefault(story, item.name)


def pytest_runtest_setup(item):
    if (story := _story(item)) in _broken:
        pytest.fail(f"the story ended at {_broken[story]}", pytrace=False)

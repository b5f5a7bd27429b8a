"""Toxiproxy's endpoints about toxics: chain entries of the engine, in its words."""

from __future__ import annotations

from msgspec.structs import replace

from chaostui.api.toxiproxy_call import Answer, Call, Refused, bad_body, done, json
from chaostui.errors import Conflict, NotFound
from chaostui.profiles.go_json import Float32
from chaostui.profiles.toxics import Toxic, options, probability, read_attributes, read_toxic
from chaostui.wire.views import ProxyView

UPDATE: dict[str, type] = {"attributes": object, "toxicity": Float32}


def proxy_of(call: Call) -> ProxyView:
    """The proxy that the path names. Refused, 404."""
    try:
        return call.supervisor.proxy(call.names["proxy"])
    except NotFound:
        raise Refused(404, "proxy not found") from None


def toxic_of(call: Call) -> Toxic:
    """The toxic that the path names. Refused, 404."""
    for toxic in call.state.toxics(proxy_of(call)):
        if toxic.name == call.names["toxic"]:
            return toxic
    raise Refused(404, "toxic not found")


async def index(call: Call) -> Answer:
    """List a proxy's toxics."""
    return json([toxic.shape() for toxic in call.state.toxics(proxy_of(call))])


async def show(call: Call) -> Answer:
    """Show one toxic."""
    return json(toxic_of(call).shape())


async def create(call: Call) -> Answer:
    """Add a toxic."""
    proxy = proxy_of(call)
    toxic = toxic_from(call.json(), proxy)
    try:
        await call.supervisor.add_chain(proxy.name, toxic.entry(), call.actor)
    except Conflict as error:
        raise Refused(409, str(error)) from None
    call.state.remember(proxy.name, toxic)
    return json(toxic.shape())


def toxic_from(given: object, proxy: ProxyView) -> Toxic:
    """Read a new toxic of ``proxy``, with Toxiproxy's errors in Toxiproxy's order."""
    try:
        return read_toxic(given, [entry.name for entry in proxy.chain])
    except Conflict as error:
        raise Refused(409, str(error)) from None
    except ValueError as error:
        raise Refused(400, str(error)) from None


async def update(call: Call) -> Answer:
    """Change some attributes, or the toxicity: all that is given, or nothing."""
    toxic = toxic_of(call)
    given = call.fields(UPDATE, "")
    try:
        changed = read_attributes(toxic.type, given.get("attributes"))
    except ValueError as error:
        raise bad_body(error) from None
    toxicity = given.get("toxicity", toxic.toxicity)
    await call.supervisor.update_chain(
        call.names["proxy"],
        toxic.name,
        call.actor,
        probability=probability(toxicity),
        options=options(toxic.type, changed),
    )
    new = replace(toxic, toxicity=toxicity, attributes={**toxic.attributes, **changed})
    call.state.remember(call.names["proxy"], new)
    return json(new.shape())


async def delete(call: Call) -> Answer:
    """Remove a toxic; what it held goes on at once."""
    toxic = toxic_of(call)
    await call.supervisor.remove_chain(call.names["proxy"], toxic.name, call.actor)
    return done()

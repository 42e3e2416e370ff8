"""The tools of an atlas over the Model Context Protocol, by its official package."""

import json
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from starlette.routing import BaseRoute, Route

from isogloss import __version__
from isogloss._core.errors import IsoglossError
from isogloss._core.extras import need
from isogloss.app.serve.tool_list import DATA, TOOLS
from isogloss.app.serve.tools import AtlasTools

CALLS_AT_ONCE = 4  # further ones wait

log = logging.getLogger("isogloss.mcp")


def make_server(tools: AtlasTools) -> Any:
    """Make the protocol's server, for any of its transports.

    Raises
    ------
    MissingExtra
        Without the extra ``mcp``.
    """
    need("mcp", extra="mcp")
    import anyio
    import mcp_types as types
    from mcp.server.lowlevel import Server

    limiter = anyio.CapacityLimiter(CALLS_AT_ONCE)
    listed = [
        types.Tool(
            name=tool.name,
            title=tool.title,
            description=tool.description,
            input_schema=tool.schema(),
            annotations=types.ToolAnnotations(
                title=tool.title,
                read_only_hint=True,
                destructive_hint=False,
                idempotent_hint=True,
                open_world_hint=False,
            ),
        )
        for tool in TOOLS.values()
    ]

    async def list_tools(context: Any, params: Any) -> Any:
        return types.ListToolsResult(tools=listed)

    async def call_tool(context: Any, params: Any) -> Any:
        text, failed = await anyio.to_thread.run_sync(
            _call, tools, params.name, params.arguments or {}, limiter=limiter
        )
        return types.CallToolResult(
            content=[types.TextContent(type="text", text=text)], is_error=failed
        )

    return Server(
        "isogloss",
        version=__version__,
        title=f"Isogloss atlas {tools.path.name}",
        instructions=f"Read-only tools on a collection of texts: {tools.path.name}. Begin with "
        f"`about`; find passages by `search`, read them by `passage`. {DATA}",
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def _call(tools: AtlasTools, name: str, arguments: dict[str, Any]) -> tuple[str, bool]:
    """Give the reply as text, and whether it is an error."""
    try:
        reply = tools.call(name, arguments)
    except IsoglossError as error:
        return " ".join(str(error).split()), True
    except Exception as error:  # the client gets one line, the log the rest
        log.exception("tool %r failed", name)
        return f"internal error: {type(error).__name__}", True
    return json.dumps(reply, ensure_ascii=False, allow_nan=False, separators=(",", ":")), False


def http_parts(
    tools: AtlasTools,
) -> tuple[Sequence[BaseRoute], Callable[[], AbstractAsyncContextManager[None]]]:
    """Give the route ``/mcp`` and what has to run while it is served.

    The application's security (Host, Origin, token, size of bodies) stands before it.
    """
    server = make_server(tools)
    from mcp.server.streamable_http_manager import (
        StreamableHTTPASGIApp,
        StreamableHTTPSessionManager,
    )

    manager = StreamableHTTPSessionManager(app=server, json_response=True, stateless=True)
    # Without sessions there is nothing to be told by a stream of events, which GET would open and
    # which would hold up the end: the protocol has 405 for that.
    route = Route("/mcp", StreamableHTTPASGIApp(manager), methods=["POST"])
    return [route], manager.run


def run_stdio(tools: AtlasTools) -> None:
    """Serve over stdin and stdout until stdin ends; nothing else is written to stdout."""
    server = make_server(tools)
    import anyio
    from mcp.server.stdio import stdio_server

    async def run() -> None:
        async with stdio_server() as (incoming, outgoing):
            await server.run(incoming, outgoing, server.create_initialization_options())

    anyio.run(run)

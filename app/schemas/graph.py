"""Schemas of ``/api/graph``."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.schemas.schema import Request, Strict
from app.settings import GRAPH_LIMIT

MOST_NODES = 1500
DEFAULT_NODES = 300
EXAMPLE_TEXT = "The cat sat on the mat. The cat saw the dog."
Kind = Literal["patches", "entities"]
Place = Annotated[float, Field(ge=-1, le=1)]


class GraphRequest(Request):
    """Text to build a graph from."""

    text: str = Field(
        description=f"Text of at most {GRAPH_LIMIT:,} bytes as UTF-8; it may be empty.",
        examples=[EXAMPLE_TEXT],
    )
    kind: Kind = Field(
        description="patches: which patch follows which patch, with the boundaries of the entropy "
        "model. entities: persons, places and other names, and their relations."
    )
    max_nodes: int = Field(
        default=DEFAULT_NODES,
        ge=1,
        le=MOST_NODES,
        description="Number of the most frequent nodes to keep.",
    )
    seed: int = Field(
        default=0,
        ge=0,
        lt=2**32,
        description="Seed of the layout; the same seed gives the same positions.",
    )


class Open(BaseModel):
    """Base of schemas that allow additional fields."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)


class GraphAbout(Open):
    """Description of a graph: the text it was built from, and how."""

    kind: Kind
    title: str
    source: str = Field(description="Name of a file, or “pasted text”.")
    bytes: int = Field(ge=0)
    truncated: bool = Field(description="Whether less frequent nodes were left out.")
    seed: int
    finder: str = Field(description="Method or model that finds the nodes.")
    statistics: dict[str, float]
    note: str | None = Field(
        default=None,
        description="Why a graph of entities has no nodes, or may lack some; absent if nothing is "
        "to be said.",
    )


class GraphNode(Open):
    """Node of a graph: a patch, or an entity with all its names."""

    id: str
    label: str
    type: str = Field(
        description="Type of the node: for patches word, part, space, crossing, sign or bytes; for "
        "entities PERSON, GPE, ORG and so on."
    )
    count: int = Field(ge=0)
    degree: int = Field(ge=0)
    community: int
    x: Place
    y: Place
    hex: str | None = Field(default=None, description="Bytes of a patch in hexadecimal.")
    entropy: float | None = Field(
        default=None, description="Mean entropy in nats of the prediction of a patch's first byte."
    )
    bits: float | None = Field(default=None, description="Mean information of a patch in bits.")
    aliases: list[str] | None = Field(default=None, description="Names of an entity.")
    mentions: list[list[int]] | None = Field(
        default=None, description="Start and end of an entity's first mentions, in characters."
    )


class GraphEvidence(Open):
    """Passage of the text that supports a link of a graph."""

    text: str
    start: int = Field(ge=0, description="Start of the passage, in characters.")
    end: int = Field(ge=0)


class GraphLink(Open):
    """Link of a graph: from a patch to the next patch, or a relation between two entities."""

    source: str
    target: str
    type: str
    count: int = Field(ge=0)
    evidence: list[GraphEvidence]
    probability: float | None = Field(
        default=None, description="Probability of the target after the source."
    )
    bits: float | None = Field(
        default=None, description="Mean information in bits of the target after the source."
    )
    relations: dict[str, int] | None = None


class GraphResponse(Strict):
    """Node-link JSON for ``networkx.node_link_graph(answer, edges="links")``."""

    directed: bool
    multigraph: bool
    graph: GraphAbout
    nodes: list[GraphNode]
    links: list[GraphLink]


class SavedGraphEntry(Strict):
    """Saved graph of the gallery."""

    name: str
    title: str
    kind: Kind
    nodes: int
    edges: int
    size: int = Field(description="Size of the JSON in bytes.")
    url: str = Field(description="URL of the JSON.")
    artifact: str = Field(description="URL of the page in the gallery.")


class GraphKind(Strict):
    """Kind of graph, and whether this server can build it."""

    kind: Kind
    unavailable: str | None = Field(
        description="Why this server cannot build graphs of this kind; null if it can."
    )


class Graphs(Strict):
    """Kinds of graphs, limits and saved graphs of this server."""

    kinds: list[GraphKind]
    limit: int = Field(description="Largest number of bytes of a text.")
    max_nodes: int
    saved: list[SavedGraphEntry]


Document = dict[str, Any]
"""Graph in node-link JSON, as a builder returns it."""

"""``/api/graph``."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.schemas.schema import Request, Strict
from app.settings import GRAPH_LIMIT

MOST_NODES = 1500
Kind = Literal["patches", "entities"]
Place = Annotated[float, Field(ge=-1, le=1)]


class GraphRequest(Request):
    """A text to make a graph of."""

    text: str = Field(
        description=f"The text; at most {GRAPH_LIMIT} bytes as UTF-8. May be empty.",
        examples=["The cat sat on the mat. The cat saw the dog."],
    )
    kind: Kind = Field(
        description="patches: what follows what, cut by the entropy model. "
        "entities: persons, places and other names, and how they are related."
    )
    max_nodes: int = Field(
        default=300, ge=1, le=MOST_NODES, description="How many of the most frequent nodes to keep."
    )
    seed: int = Field(
        default=0, ge=0, lt=2**32, description="Of the layout; the same seed gives the same places."
    )


class Open(BaseModel):
    """Fields may be added."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)


class GraphAbout(Open):
    """What the graph is of."""

    kind: Kind
    title: str
    source: str = Field(description="A file name, or “pasted text”.")
    bytes: int = Field(ge=0)
    truncated: bool = Field(description="Whether rarer nodes were left out.")
    seed: int
    finder: str = Field(description="What found the nodes.")
    statistics: dict[str, float]


class GraphNode(Open):
    """A patch, or an entity with all its names."""

    id: str
    label: str
    type: str = Field(
        description="For patches word, part, space, crossing, sign or bytes; "
        "for entities PERSON, GPE, ORG and so on."
    )
    count: int = Field(ge=0)
    degree: int = Field(ge=0)
    community: int
    x: Place
    y: Place
    hex: str | None = Field(default=None, description="Bytes of a patch.")
    entropy: float | None = Field(
        default=None, description="Nats; mean entropy of the prediction of a patch's first byte."
    )
    bits: float | None = Field(default=None, description="Mean information of a patch.")
    aliases: list[str] | None = Field(default=None, description="Names of an entity.")
    mentions: list[list[int]] | None = Field(
        default=None, description="Start and end of an entity's first mentions, in characters."
    )


class GraphEvidence(Open):
    """A place in the text."""

    text: str
    start: int = Field(ge=0, description="Characters.")
    end: int = Field(ge=0)


class GraphLink(Open):
    """What follows what, or who has to do with whom."""

    source: str
    target: str
    type: str
    count: int = Field(ge=0)
    evidence: list[GraphEvidence]
    probability: float | None = Field(default=None, description="Of the target after the source.")
    bits: float | None = Field(
        default=None, description="Mean information of the target after the source."
    )
    relations: dict[str, int] | None = None


class GraphResponse(Strict):
    """Node-link JSON, as networkx reads it: ``networkx.node_link_graph(answer, edges="links")``."""

    directed: bool
    multigraph: bool
    graph: GraphAbout
    nodes: list[GraphNode]
    links: list[GraphLink]


class SavedGraphEntry(Strict):
    """A graph of the gallery."""

    name: str
    title: str
    kind: Kind
    nodes: int
    edges: int
    size: int = Field(description="Bytes of its JSON.")
    url: str = Field(description="Its JSON.")
    artifact: str = Field(description="Its page in the gallery.")


class GraphKind(Strict):
    """One kind of graph."""

    kind: Kind
    unavailable: str | None = Field(description="Why this server makes none; null if it does.")


class Graphs(Strict):
    """What can be had here."""

    kinds: list[GraphKind]
    limit: int = Field(description="Bytes of a text.")
    max_nodes: int
    saved: list[SavedGraphEntry]


Document = dict[str, Any]
"""A graph as a builder makes it."""

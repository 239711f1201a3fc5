"""The panes, in the order of the rail: read, see, learn, write, know. A new pane is a file and a line here."""

PANES = (
    "gui.panes.tokens:TokensPane",
    "gui.panes.embeddings:EmbeddingsPane",
    "gui.panes.attention:AttentionPane",
    "gui.panes.training:TrainingPane",
    "gui.panes.generation:GenerationPane",
    "gui.panes.search:SearchPane",
    "gui.panes.map:MapPane",
)

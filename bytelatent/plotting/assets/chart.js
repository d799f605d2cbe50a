// Draws the figure of this page in the colours of the reader's scheme.
(() => {
  "use strict";
  const [box, figure] = ["chart", "figure"].map((id) => /** @type {HTMLElement} */ (document.getElementById(id)));
  const source = JSON.parse(figure.textContent);
  const { Plotly } = /** @type {{Plotly?: {react: Function}}} */ (/** @type {unknown} */ (window));
  const scheme = window.matchMedia("(prefers-color-scheme: dark)");
  const SIDES = 90; // px beside the plot itself: axis and margins

  // Every string that is a colour on light paper becomes its counterpart.
  function recoloured(value, colours) {
    if (typeof value === "string") return colours[value] ?? value;
    if (Array.isArray(value)) return value.map((item) => recoloured(item, colours));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, recoloured(item, colours)]));
  }

  // A long text starts with as many bytes as fit; the rest is reached by dragging.
  function fit(layout) {
    if (!source.marks) return;
    const room = Math.floor((box.clientWidth - SIDES) / source.pixels);
    if (room >= source.marks) return;
    layout.xaxis.range = [-0.7, Math.max(room, 10) - 0.3];
    layout.xaxis.rangeslider = {
      visible: true,
      thickness: 0.08,
      bgcolor: layout.hoverlabel.bgcolor,
      range: [-0.7, source.marks - 0.3],
    };
    layout.dragmode = "pan";
  }

  if (!Plotly) {
    box.textContent = `The chart library is not at ${source.library}, so the chart is not drawn.`;
    box.className = "note";
    return;
  }

  const draw = () => {
    const colours = scheme.matches ? source.dark : {};
    const { data, layout } = recoloured(source.figure, colours);
    fit(layout);
    Plotly.react(box, data, layout, {
      responsive: true,
      displaylogo: false,
      displayModeBar: box.clientWidth > 640, // on a narrow page it would cover the legend
      modeBarButtons: [["zoom2d", "pan2d", "resetScale2d"]],
    });
  };

  scheme.addEventListener("change", draw);
  draw();
})();

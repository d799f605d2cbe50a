/** The controls above the drawing: search, types, counts, colours. */

import { figure, steps, typesOf } from "./data.js";
import { make } from "./dom.js";
import { badge, typeWords } from "./panel.js";

const COLOURS = { type: "type", entropy: "entropy", bits: "information", community: "community" };

export class Tools {
  /** @param {{onSearch: () => void, onEnter: () => void, onFilter: () => void, onColour: (by: string) => void}} handlers */
  constructor(handlers) {
    this.handlers = handlers;
    this.search = make("input", {
      type: "search",
      autocomplete: "off",
      spellcheck: "false",
      maxlength: "100",
      on: { input: () => handlers.onSearch(), keydown: (event) => event.key === "Enter" && handlers.onEnter() },
    });
    this.colour = make("select", { autocomplete: "off", on: { change: () => handlers.onColour(this.colour.value) } });
    this.types = make("fieldset", { class: "gv-types" });
    this.least = new Count(handlers.onFilter);
    this.edgeLeast = new Count(handlers.onFilter);
    this.element = make(
      "div",
      { class: "gv-tools gv-card", role: "group", "aria-label": "What is shown" },
      make("label", { class: "gv-field gv-grow" }, make("span", {}, "Search"), this.search),
      make("label", { class: "gv-field" }, make("span", {}, "Colour by"), this.colour),
      this.least.element,
      this.edgeLeast.element,
      this.types,
    );
  }

  /** Offer what fits a graph; filters are as in `state`. */
  offer(graph, { hidden, least, edgeLeast, colourBy, query }) {
    const keys = graph.kind === "patches" ? ["entropy", "bits", "type", "community"] : ["type", "community"];
    this.colour.replaceChildren(...keys.map((key) => make("option", { value: key }, COLOURS[key])));
    this.colour.value = colourBy;
    this.search.value = query;
    this.least.offer(graph.kind === "patches" ? "Patches seen at least" : "Names seen at least", steps(graph.nodes), least);
    this.edgeLeast.offer("Edges seen at least", steps(graph.edges), edgeLeast);
    this.types.replaceChildren(
      make("legend", {}, "Types"),
      ...typesOf(graph).map(([type, count]) => this.chip(type, count, !hidden.has(type))),
    );
  }

  chip(type, count, checked) {
    const box = make("input", { type: "checkbox", value: type, autocomplete: "off", on: { change: () => this.handlers.onFilter() } });
    box.checked = checked;
    return make("label", { class: "gv-chip" }, box, badge(type), typeWords(type), make("span", { class: "gv-quiet" }, ` ${figure(count)}`));
  }

  get hidden() {
    const boxes = [...this.types.querySelectorAll("input")];
    return new Set(boxes.filter((box) => !box.checked).map((box) => box.value));
  }
}

/** A slider over the counts that there are. */
class Count {
  constructor(onChange) {
    this.name = make("span");
    this.output = make("strong");
    this.slider = make("input", {
      type: "range",
      min: "0",
      step: "1",
      value: "0",
      autocomplete: "off",
      on: {
        input: () => {
          this.tell();
          onChange();
        },
      },
    });
    this.element = make("label", { class: "gv-field" }, make("span", {}, this.name, " ", this.output), this.slider);
    this.values = [1];
  }

  offer(name, values, value) {
    this.values = values.length ? values : [1];
    this.name.textContent = name;
    this.slider.max = String(this.values.length - 1);
    this.slider.disabled = this.values.length < 2;
    const at = this.values.findIndex((each) => each >= value);
    this.slider.value = String(at < 0 ? this.values.length - 1 : at);
    this.tell();
  }

  tell() {
    this.output.textContent = figure(this.value);
    this.slider.setAttribute("aria-valuetext", `${figure(this.value)} times`);
  }

  get value() {
    return this.values[Number(this.slider.value)];
  }
}

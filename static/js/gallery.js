/** The gallery: what the form asks for, shown while one types; the address follows. */

const form = document.getElementById("filter");
const list = document.getElementById("cards");

const ORDERS = {
  title: (a, b) => a.place - b.place,
  newest: (a, b) => b.modified - a.modified || a.place - b.place,
  largest: (a, b) => b.size - a.size || a.place - b.place,
};

function start() {
  const cards = [...list.children].map((element) => ({
    element,
    kind: element.dataset.kind,
    words: element.dataset.words,
    title: element.querySelector("h2").textContent,
    modified: Number(element.dataset.modified),
    size: Number(element.dataset.size),
  }));
  // As the server sorts them: figures, then data, each by title.
  const data = (card) => Number(card.kind === "data");
  [...cards]
    .sort((a, b) => data(a) - data(b) || a.title.localeCompare(b.title, "en"))
    .forEach((card, place) => (card.place = place));
  form.classList.add("live");
  form.addEventListener("input", () => show(cards));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    show(cards);
  });
  addEventListener("pageshow", () => show(cards)); // a browser may have kept what was typed
}

function show(cards) {
  const { q, kind, sort } = form.elements;
  const words = fold(q.value).split(/\s+/).filter(Boolean);
  const wanted = (card) =>
    (!kind.value || card.kind === kind.value) && words.every((word) => card.words.includes(word));
  let shown = 0;
  for (const card of cards) {
    card.element.hidden = !wanted(card);
    shown += !card.element.hidden;
  }
  const sorted = [...cards].sort(ORDERS[sort.value]).map((card) => card.element);
  if (sorted.some((element, k) => list.children[k] !== element)) list.append(...sorted);
  const found = document.getElementById("found");
  found.textContent = shown === cards.length ? `${shown} in all` : `${shown} of ${cards.length}`;
  document.getElementById("nothing").hidden = shown > 0;
  const query = new URLSearchParams();
  if (q.value.trim()) query.set("q", q.value.trim());
  if (kind.value) query.set("kind", kind.value);
  if (sort.value !== "title") query.set("sort", sort.value);
  const address = query.size ? `/gallery?${query}` : "/gallery";
  if (location.pathname + location.search !== address) history.replaceState(null, "", address);
}

/** Close to Python's casefold, which made the words that are searched. */
function fold(text) {
  return text.toLowerCase().replaceAll("ß", "ss");
}

if (form && list) start();

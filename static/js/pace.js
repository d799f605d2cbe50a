/** The speed of a generated text beside that of a text generated without drafts. */

import { rateOf } from "./made.js";
import { byId as $ } from "./page.js";

/** Show the speed of the text `made`; `rate` is the bytes per second of its shown part, or null. */
export function showPace(made, rate) {
  const plain = made.request?.speculate === undefined ? null : made.plainRate;
  const number = plain === null ? "" : Math.round(plain).toLocaleString("en");
  $("rate-plain").textContent = number && `, ${number} without drafts`;
  const times = number && rate !== null ? `; this one is ${(rate / plain).toFixed(2)} times as fast` : "";
  const whose = made.recorded ? "The same request" : "The last text made here";
  $("pace").textContent = number
    ? `${whose} without drafts came at ${number} bytes per second${times}.`
    : "Run it without drafts to compare the speed.";
}

/** Return the bytes per second of the recorded text with the same request without drafts, or null. */
export function plainTwin({ request }, traces) {
  const wanted = JSON.stringify({ ...request, speculate: undefined });
  const twin = traces.find((other) => JSON.stringify(other.request) === wanted);
  return twin ? rateOf(twin.response.events) : null;
}

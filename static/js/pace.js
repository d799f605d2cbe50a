/** The speed of a text beside that of one made without drafts. */

import { rateOf } from "./made.js";
import { byId as $ } from "./page.js";

/** `rate`: bytes per second of what is shown of `made`, or null. */
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

/** Bytes per second of the recorded text that differs by having no drafts, or null. */
export function plainTwin({ request }, traces) {
  const wanted = JSON.stringify({ ...request, speculate: undefined });
  const twin = traces.find((other) => JSON.stringify(other.request) === wanted);
  return twin ? rateOf(twin.response.events) : null;
}

// Requests of the recordings' pages: JSON or bytes in, JSON or HTML out, and what went wrong in words.

import { gettext } from "../words.js";

const OFFLINE = gettext("The server could not be reached. Please try again when you are back online.");
const SIGNED_OUT = gettext("Your session has ended. Please reload the page and sign in again.");
const UNKNOWN = gettext("The server could not do this at the moment. Please try again.");

/** `again` says that the same request may succeed later. */
export class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
    this.again = status === 0 || status === 429 || status >= 500 || code === "chunk_damaged";
  }
}

export const csrf = () => document.querySelector("[name=csrfmiddlewaretoken]").value;

/**
 * POST fields (URLSearchParams or FormData), bytes, or an object as JSON. Resolves to the response;
 * throws Refused.
 */
export async function post(url, body, headers = {}) {
  const asked = { "X-CSRFToken": csrf(), Accept: "application/json", ...headers };
  if (body instanceof ArrayBuffer) asked["Content-Type"] = "application/octet-stream";
  const plain = Object.getPrototypeOf(body) === Object.prototype;
  if (plain) asked["Content-Type"] = "application/json";
  let response;
  try {
    const sent = plain ? JSON.stringify(body) : body;
    response = await fetch(url, { method: "POST", body: sent, headers: asked, redirect: "manual" });
  } catch {
    throw new Refused(0, "offline", OFFLINE);
  }
  if (response.ok) return response;
  if (response.type === "opaqueredirect" || response.status === 403) throw new Refused(403, "signed_out", SIGNED_OUT);
  const answer = await response.json().catch(() => ({}));
  const told = answer.error ?? answer;
  throw new Refused(response.status, told.code ?? "unknown", told.message ?? UNKNOWN);
}

/** The HTML of a page's part, or undefined while it cannot be had. */
export async function getFragment(url = location.href) {
  const asked = new URL(url, location.href);
  asked.searchParams.set("fragment", "1");
  try {
    const response = await fetch(asked, { redirect: "error", cache: "no-store" });
    return response.ok ? await response.text() : undefined;
  } catch {
    return undefined;
  }
}

export const clock = (seconds) => {
  const whole = Math.floor(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const rest = String(whole % 60).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
};

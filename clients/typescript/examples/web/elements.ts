/** What the page is made of: elements, amounts, and buttons that say what went wrong. */
import { StaybaseError } from "../../src/index.ts";

export function one<T extends Element>(selector: string): T {
  const found = document.querySelector<T>(selector);
  if (!found) throw new Error(`The page has no ${selector}.`);
  return found;
}

export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  set: Partial<HTMLElementTagNameMap[Tag]>,
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const element = Object.assign(document.createElement(tag), set);
  element.append(...children);
  return element;
}

export const row = (label: string, value: string): HTMLElement[] => [
  make("dt", {}, label),
  make("dd", {}, value),
];

/** `CLEANING_FEE` as people say it. */
export const words = (code: string): string => code.toLowerCase().replaceAll("_", " ");

/** Amounts are text, in minor units. */
export function money(amount: string | null, currency: string): string {
  const format = new Intl.NumberFormat("en", { style: "currency", currency });
  return format.format(
    Number(amount) / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2),
  );
}

/** Runs what a button does, once at a time, and says in `place` what went wrong. */
export async function attempt(
  button: HTMLButtonElement,
  place: Element,
  task: () => Promise<void>,
) {
  button.disabled = true;
  place.classList.remove("wrong");
  try {
    await task();
  } catch (error) {
    if (!(error instanceof StaybaseError)) console.error(error);
    place.classList.add("wrong");
    place.textContent = error instanceof StaybaseError ? error.message : "That did not work.";
  } finally {
    button.disabled = false;
  }
}

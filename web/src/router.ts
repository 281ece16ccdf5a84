// Addresses of screens, and filters in them.
import { createStore } from "./store";

export interface Place { path: string; query: URLSearchParams }

const here = (): Place => ({ path: location.pathname, query: new URLSearchParams(location.search) });
export const place = createStore<Place>(here());

addEventListener("popstate", () => place.set(here()));

export function go(address: string, replace = false): void {
  if (replace) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
  place.set(here());
}

/** For links: followed here, unless the browser is to open another tab. */
export function follow(event: MouseEvent): void {
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  go((event.currentTarget as HTMLAnchorElement).getAttribute("href")!);
}

export function set_query(values: Record<string, string>, replace = true): void {
  const query = new URLSearchParams(place.get().query);
  for (const [name, value] of Object.entries(values)) value ? query.set(name, value) : query.delete(name);
  const text = query.toString();
  go(place.get().path + (text ? `?${text}` : ""), replace);
}

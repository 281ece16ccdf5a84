// A list that the switch searches and sorts: what is in sight is asked for, again and again.
import { useEffect, useState } from "preact/hooks";
import { get, type FoundPage } from "../api";
import { usePolled } from "../live";
import type { Part } from "./list";

const ROWS_MAX = 200; // so many the switch shows at once

/** What has not changed for a while. */
function useSettled<T>(value: T, pause_ms: number): T {
  const [settled, set_settled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => set_settled(value), pause_ms);
    return () => clearTimeout(timer);
  }, [JSON.stringify(value)]);
  return settled;
}

/** `question`: what the list's path takes in its query beside order and place. Asks `pause_ms` after each answer. */
export function useFound<T>(path: string, question: Record<string, string>, sorted: string, pause_ms: number) {
  const [sort, set_sort] = useState(sorted);
  const [view, set_view] = useState({ first: 0, count: 30 });
  const asked = useSettled(view, 120), looked_for = useSettled(question, 250);
  const { value: page, error, at: asked_at, again } = usePolled(() => get<FoundPage<T>>(`${path}?${new URLSearchParams({
    ...looked_for, sort, offset: String(asked.first), limit: String(Math.min(asked.count, ROWS_MAX)) })}`), pause_ms,
    [JSON.stringify(looked_for), sort, asked.first, asked.count]);
  const part: Part = { offset: page?.offset ?? 0, total: page?.total ?? 0, onSort: set_sort, onView: (first, count) => set_view({ first, count }) };
  return { page, rows: page?.items ?? [], total: page?.total ?? 0, error, asked_at, again, sort, part };
}

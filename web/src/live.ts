// What the switch says every second (server-sent events), and the second itself.
import { useEffect, useState } from "preact/hooks";
import { get, session, type Session, type Status } from "./api";
import { createStore } from "./store";

export const status = createStore<Status | null>(null);
export const is_connected = createStore(true);
export const now = createStore(Date.now());

setInterval(() => now.set(Date.now()), 1000);

let source: EventSource | null = null;

export function listen(): void {
  if (source) return;
  source = new EventSource("/api/v1/events");
  source.addEventListener("status", (event) => {
    is_connected.set(true);
    status.set(JSON.parse((event as MessageEvent).data));
  });
  source.onerror = () => {
    is_connected.set(false);
    // A stream that was refused is not tried again by the browser: perhaps the session is over.
    if (source?.readyState !== EventSource.CLOSED) return;
    source = null;
    get<Session>("session").catch(() => {});
    setTimeout(() => session.get() && listen(), 3000);
  };
}

export function stop_listening(): void {
  source?.close();
  source = null;
}

/** Asks again and again while the component is there: `pause_ms` after each answer, or longer where answers take long. */
export function usePolled<T>(ask: (goes_on: () => boolean) => Promise<T>, pause_ms: number, inputs: unknown[] = []) {
  const [state, set_state] = useState<{ value?: T; error?: Error; at: number }>({ at: 0 });
  const [round, set_round] = useState(0);
  useEffect(() => {
    let alive = true;
    let timer = 0;
    const turn = async () => {
      const began = performance.now();
      try {
        const value = await ask(() => alive);
        if (alive) set_state({ value, at: Date.now() });
      } catch (error) {
        if (alive) set_state((before) => ({ ...before, error: error as Error }));
      }
      const took_ms = performance.now() - began;
      if (alive && pause_ms > 0) timer = window.setTimeout(turn, Math.max(pause_ms, 5 * took_ms));
    };
    turn();
    return () => {
      alive = false;
      clearTimeout(timer);
    };
  }, [...inputs, round, pause_ms]);
  return { ...state, again: () => set_round((n) => n + 1) };
}

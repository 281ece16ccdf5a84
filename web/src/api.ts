// The switch's API as the console uses it. Field names are the contract's.
import { createStore } from "./store";

export interface Leg {
  state: string;
  peer: string | null;
  transport?: string;
  call_id?: string;
  last_alive: string | null;
  timer: {
    interval_s: number | null;
    refresher: "us" | "them" | "none";
    method: string | null;
    next_refresh_in_s: number | null;
    expires_in_s: number | null;
    refreshes?: number;
  };
}
export interface Call {
  id: string;
  state: string;
  caller: string | null;
  callee: string | null;
  caller_out: string | null;
  callee_out: string | null;
  caller_device: string | null;
  callee_device: string | null;
  caller_address: string | null;
  callee_address: string | null;
  started_at: string;
  ringing_at: string | null;
  answered_at: string | null;
  duration_s: number;
  caller_leg: Leg | null;
  callee_leg: Leg | null;
}
export interface Registration {
  id: string;
  number: string;
  contact: string;
  source: string;
  transport?: string;
  user_agent: string | null;
  behind_nat?: boolean;
  static?: boolean;
  registered_at: string | null;
  refreshed_at?: string | null;
  last_heard_at?: string | null;
  expires_in_s: number | null;
  keep_alive: {
    method: string;
    due_in_s: number | null;
    sent: number;
    answered: number;
    round_trip_ms: number | null;
    reachable: boolean;
  };
}
export interface Timer { interval_s: number | null; refresher: string | null; method: string | null; refreshes: number | null }
export interface Cdr {
  [field: string]: unknown;
  id: string;
  caller: string | null;
  callee: string | null;
  caller_device: string | null;
  callee_device: string | null;
  started_at: string;
  ringing_at: string | null;
  answered_at: string | null;
  ended_at: string | null;
  pdd_ms: number | null;
  hold_time_ms: number | null;
  end_direction: string | null;
  end_reason: string;
  end_cause: string | null;
  end_text: string | null;
  sip_status: number | null;
  q850_cause: number | null;
  explanation: string | null;
  last_alive_at: string | null;
  last_alive_by: string | null;
  caller_timer?: Timer;
  callee_timer?: Timer;
}
export interface Parameter {
  name: string;
  type: "number" | "byte" | "switch" | "choice" | "text" | "waits";
  value: number | string;
  default: number | string;
  unit: string;
  allowed: string;
  choices?: string;
  group: string;
  summary: string;
  description: string;
  changed_at: string | null;
  changed_by: string | null;
}
export interface Preset { name: string; summary: string; values: Record<string, number> }
export interface Device {
  [key: string]: unknown;
  number?: string;
  name?: string;
  calls: number;
  capacity?: number;
  locked?: boolean;
  changed_at: string | null;
  changed_by: string;
}
export interface Figures { calls: number; answered: number; asr_percent: number | null; acd_s: number | null; pdd_ms: number | null }
export interface Traffic { callers: Record<string, Figures>; callees: Record<string, Figures> }
export interface History { step_s: number; ended_at: string; series: Record<string, (number | null)[]> }
export interface Alarm { name: string; level: number; value: number; text: string }
export interface Status {
  version: string;
  uptime_s: number;
  sip: string[];
  workers: number;
  calls: { current: number; answered: number; attempted: number; ended: number };
  registrations: number;
  loop_lag_ms: number;
  records: { waiting: number; written: number };
  keep_alive?: { devices: number; unreachable: number; lag_ms: number; round_is_kept: boolean; round: string; sent: number; answered: number };
  counters?: Record<string, number>;
  store: { ok: boolean; problem: string };
  rates?: { attempts_per_s: number | null; answers_per_s: number | null; processor_percent: number | null };
  recent?: Figures & { reasons: Record<string, number> };
  alarms?: Alarm[];
}
/** A message, a keep-alive, or what a timer decided, from the flight recorder. `from` and `to` are participants. */
export interface Traced {
  id: string;
  at: string;
  kind: "sip" | "keepalive" | "note";
  direction: "in" | "out" | "inside";
  from: number;
  to: number;
  summary: string;
  transport?: string;
  remote?: string;
  local?: string;
  text?: string;
  call?: string | null;
  call_id?: string;
  leg?: "caller" | "callee" | null;
  status?: number;
  note?: string;
  detail?: string;
  seconds?: number;
  due_in_ms?: number;
}
export interface Participant { name: string; address?: string }
export interface TracePage { items: Traced[]; participants: Participant[]; next_cursor: string; has_more?: boolean; is_damaged?: boolean }
/** What is kept of a number, a device or an address, beyond the flight recorder's ring. */
export interface DebugTrace {
  id: string;
  number: string;
  label: string;
  addresses: string[];
  by: string;
  state: "running" | "done" | "stopped" | "full";
  started_at: string;
  ends_at: string;
  ended_at: string | null;
  minutes: number;
  records: number;
  bytes: number;
}
/** What a test of a routing gateway has found. */
export interface TrunkTest {
  id: string;
  gateway: string;
  number: string;
  address: string;
  state: "asking" | "calling" | "trying" | "ending" | "done";
  user_agent: string;
  allow: string;
  supported: string;
  reliable_provisional: { supported: boolean; used: boolean };
  timer: { supported: boolean; interval_s: number | null; refresher: "us" | "them" | "none"; min_se_s: number | null };
  checks: { name: string; verdict: "not_tried" | "waiting" | "works" | "refused" | "unanswered"; status: number | null; answered_in_ms: number | null; meaning: string }[];
  conclusion: string;
  started_at: string;
}
/** What the doctor has found. */
export interface Finding {
  diagnosis: string;
  title: string;
  subject: string;
  since: string | null;
  latest: string | null;
  count: number;
  confidence_percent: number;
  detail?: string;
  seen?: string;
  numbers?: number[];
  words?: string;
  calls?: string[];
  meaning?: string;
  remedy: string;
}
export interface Opinion extends Page<Finding> { looked_at?: { at: string; since: string; calls: number; messages: number } | null; is_looking?: boolean }
export interface Explanation {
  findings?: Finding[];
  messages?: { at: string; direction: "in" | "out" | "inside"; remote: string; summary: string; repeats: number }[];
}
export type Role = "viewer" | "operator" | "admin";
export interface Session { user: string; role: Role; expires_in_s: number | null; version: string }
export interface User { name: string; role: Role; changed_at: string; changed_by: string }
export interface Token { name: string; role: Role; changed_at: string; changed_by: string; token?: string }
export interface AuditEntry { at: string; by: string; role: string; from: string; what: string; change: any }
export interface Page<T> { items: T[]; next_cursor: string | null }
/** A page of those that fit a question: of `total`, from `offset` on. */
export interface FoundPage<T> extends Page<T> { total: number; offset: number }

/** What the switch answered instead of what was asked for: its sentence is for the operator. */
export class Problem extends Error {
  constructor(readonly status: number, detail: string, readonly pointer = "") {
    super(detail);
  }
}

/** undefined: not known yet; null: nobody is signed in. */
export const session = createStore<Session | null | undefined>(undefined);

const RANK: Record<Role, number> = { viewer: 1, operator: 2, admin: 3 };
export function may(role: Role): boolean {
  const present = session.get();
  return !!present && RANK[present.role] >= RANK[role];
}

async function ask(method: string, path: string, body?: unknown, accept = "application/json"): Promise<Response> {
  const headers: Record<string, string> = { Accept: accept, "X-Belfry-Console": "1" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer: Response;
  try {
    answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Problem(0, "");
  }
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  if (answer.status === 401 && path !== "/api/v1/session") session.set(null);
  throw new Problem(answer.status, problem.detail ?? problem.title ?? answer.statusText, problem.pointer);
}

export async function get<T>(path: string): Promise<T> {
  return (await ask("GET", `/api/v1/${path}`)).json();
}
export async function put<T>(path: string, body: unknown): Promise<T> {
  return (await ask("PUT", `/api/v1/${path}`, body)).json();
}
export async function post<T>(path: string, body?: unknown): Promise<T> {
  return (await ask("POST", `/api/v1/${path}`, body)).json();
}
export async function remove(path: string): Promise<void> {
  await ask("DELETE", `/api/v1/${path}`);
}
export async function csv(path: string): Promise<Blob> {
  return (await ask("GET", `/api/v1/${path}`, undefined, "text/csv")).blob();
}

// The flight recorder: who said what to whom, as a ladder, with the timers' decisions drawn in.
import { useEffect, useRef, useState } from "preact/hooks";
import { get, may, post, Problem, remove, type DebugTrace, type Page, type Participant, type TracePage, type Traced } from "../api";
import { number, span, stamp, time_of_day } from "../format";
import { t, word, type Text } from "../language";
import { english } from "../text/en";
import { now, usePolled } from "../live";
import { go, place, set_query } from "../router";
import { useStore } from "../store";
import { Icon } from "../ui/icons";
import { Badge, Dialog, Empty, Failed, Field, Head, toast, useMedia, type Tone } from "../ui/parts";

const FILTERS = ["call", "number", "address", "kept"];
const MINUTES = ["5", "15", "60", "360", "1440"];
const SHOWN_MAX = 1000;
const SWITCH = "belfry";

const milliseconds_of = (at: string) => at.slice(20, 23);
/** "INVITE 4420" of "INVITE sip:4420@192.0.2.1;user=phone". */
const brief = (line: string, is_narrow = false) => (is_narrow ? /^\S+/.exec(line)?.[0] ?? line : shorter(line));
const shorter = (line: string) => line.replace(/^([A-Z]+) sips?:(?:([^@;>\s]*)@)?\S*.*$/, (_, method, user) => (user ? `${method} ${user}` : method));

function tone_of(item: Traced): string {
  if (item.kind === "note") return ["failed", "expired"].includes(item.note ?? "") ? "bad" : "timer";
  if (item.kind === "keepalive") return "faint";
  if (!item.status) return "request";
  return item.status >= 400 ? "bad" : item.status >= 200 ? "good" : "plain";
}

/** What a note says beside its word: who refreshes, or why the call ended. */
const DETAILS: Record<string, string> = { "we refresh": "refresher_us", "they refresh": "refresher_them", "no session timer": "refresher_none" };
function detail_of(item: Traced): string | undefined {
  if (!item.detail) return undefined;
  if (DETAILS[item.detail]) return t(DETAILS[item.detail] as Text);
  if (item.note !== "ended") return item.detail;
  return `cause_${item.detail}` in english ? word("cause", item.detail) : word("reason", item.detail);
}

function note_text(item: Traced, is_narrow = false): string {
  const more = is_narrow && item.note !== "ended" ? [] : [detail_of(item), item.status];
  const parts = [word("note", item.note), item.leg && word("side", item.leg), item.seconds && `${item.seconds} s`, ...more];
  return parts.filter(Boolean).join(" · ");
}

function Row({ item, lanes, chosen, is_narrow, onChoose }: { item: Traced; lanes: Participant[]; chosen: boolean; is_narrow: boolean; onChoose: () => void }) {
  const middle = (lane: number) => ((lane + 0.5) / lanes.length) * 100;
  const here = Math.max(0, lanes.findIndex((lane) => lane.name === SWITCH));
  const left = Math.min(middle(item.from), middle(item.to)), right = Math.max(middle(item.from), middle(item.to));
  return (
    <li>
      <button type="button" class={`step ${tone_of(item)} ${chosen ? "chosen" : ""}`} onClick={onChoose}>
        <span class="step-at">{time_of_day(item.at)}<small>.{milliseconds_of(item.at)}</small></span>
        <span class="step-lanes">
          {lanes.map((_, lane) => <i class="lane" style={{ left: `${middle(lane)}%` }} />)}
          {item.kind === "note" || item.from === item.to
            ? <span class="step-note" style={{ left: `${middle(here)}%` }}>{item.kind === "note" ? note_text(item, is_narrow) : brief(item.summary)}</span>
            : <span class={`arrow ${item.to > item.from ? "to-right" : "to-left"} ${item.status ? "response" : ""}`} style={{ left: `${left}%`, width: `${right - left}%` }}><span title={item.summary}>{brief(item.summary, is_narrow)}</span></span>}
        </span>
      </button>
    </li>
  );
}

function Ladder({ items, lanes, onChoose, chosen }: { items: Traced[]; lanes: Participant[]; onChoose: (item: Traced) => void; chosen: Traced | null }) {
  const is_narrow = useMedia("(max-width: 600px)");
  return (
    <div class="ladder panel"><div style={{ minWidth: `${74 + lanes.length * (lanes.length > 4 ? 116 : 84)}px` }}>
      <div class="ladder-head" aria-hidden="true"><span class="step-at" /><span class="step-lanes">{lanes.map((lane, i) => (
        <span class={`lane-name ${lane.name === SWITCH ? "ours" : ""}`} title={lane.address} style={{ left: `${(i / lanes.length) * 100}%`, width: `${100 / lanes.length}%` }}>
          {lane.name === SWITCH ? t("trace_switch") : <>{lane.name && <b>{word("side", lane.name)}</b>}<span>{host_of(lane.address)}<wbr />{lane.address?.slice(host_of(lane.address).length)}</span></>}</span>))}</span></div>
      <ol aria-label={t("trace_ladder")}>{items.map((item) => <Row key={item.id} item={item} lanes={lanes} is_narrow={is_narrow} chosen={chosen?.id === item.id} onChoose={() => onChoose(item)} />)}</ol>
    </div></div>
  );
}

function Message({ item }: { item: Traced }) {
  const ends = item.direction === "in" ? [item.remote, item.local] : [item.local, item.remote];
  return <>
    <dl class="pairs"><dt>{t("when")}</dt><dd class="figure">{stamp(item.at, true)}</dd>
      {item.remote && <><dt>{t("address")}</dt><dd class="mono">{ends[0]} → {ends[1]} {item.transport && <Badge>{item.transport}</Badge>}</dd></>}
      {item.call && <><dt>{t("trace_call")}</dt><dd class="mono break">{item.call}</dd></>}</dl>
    <pre class="message" tabIndex={0}>{item.text ?? [note_text(item), item.call_id, item.due_in_ms && t("trace_due", span(item.due_in_ms / 1000))].filter(Boolean).join("\n")}</pre>
  </>;
}

function Filters({ query }: { query: URLSearchParams }) {
  const submit = (event: Event) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    set_query({ kept: "", ...Object.fromEntries(["call", "number", "address", "minutes"].map((name) => [name, String(form.get(name) ?? "").trim()])), shown: "1" }, false);
  };
  const input = (name: "call" | "number" | "address", label: string) => (
    <Field label={label}>{(p) => <input {...p} name={name} class={name === "number" ? "" : "mono"} defaultValue={query.get(name) ?? ""} spellcheck={false} autocomplete="off" />}</Field>);
  return (
    <form class="filters trace-filters" onSubmit={submit} key={query.toString()} role="search">
      {input("number", t("trace_number"))}{input("address", t("trace_address"))}{input("call", t("trace_call"))}
      <Field label={t("trace_since")}>{(p) => <select {...p} name="minutes">{MINUTES.map((minutes) => (
        <option value={minutes} selected={minutes === (query.get("minutes") ?? "15")}>{+minutes > 60 ? t("trace_hours", +minutes / 60) : t("trace_minutes", minutes)}</option>))}</select>}</Field>
      <div class="filter-acts"><button type="submit" class="primary"><Icon name="search" size={16} /> {t("filter")}</button></div>
    </form>
  );
}

/** A narrow lane breaks an address before its port. */
const host_of = (address = "") => address.replace(/:\d+$/, "");
const is_address = (text: string) => /^[[\d][\d.:a-f\]]*$/i.test(text) && /[.:]/.test(text);

function asked_of(query: URLSearchParams): URLSearchParams {
  const asked = new URLSearchParams({ since: `${query.get("minutes") || "15"}m` });
  if (query.get("kept")) return new URLSearchParams({ kept: query.get("kept")!, keepalives: query.get("keepalives") === "1" ? "1" : "0" });
  for (const name of ["call", "number"]) if (query.get(name)) asked.set(name, query.get(name)!);
  const end = query.get("address");
  if (end) asked.set(is_address(end) ? "address" : "device", end);
  if (query.get("call")) asked.delete("since"); // its id says when it began
  asked.set("keepalives", query.get("keepalives") === "1" ? "1" : "0");
  return asked;
}

interface Recorded { items: Traced[]; lanes: Participant[]; error?: unknown; is_known: boolean }
const NOTHING: Recorded = { items: [], lanes: [], is_known: false };

/** Columns of two answers differ, as who spoke first does: they are told apart by their addresses. */
function joined(before: Recorded, page: TracePage): Recorded {
  const lanes = before.lanes.length ? [...before.lanes] : page.participants;
  const key = (one: Participant) => (one.name === SWITCH ? SWITCH : one.address ?? one.name);
  const place_of = page.participants.map((one) => {
    const known = lanes.findIndex((lane) => key(lane) === key(one));
    return known >= 0 ? known : lanes.push(one) - 1;
  });
  const items = page.items.filter((item) => item.note !== "leg").map((item) => ({ ...item, from: place_of[item.from], to: place_of[item.to] }));
  return { items: [...before.items, ...items].slice(-SHOWN_MAX), lanes, is_known: true };
}

/** What was recorded, and what is being recorded while `follows`. */
function useTrace(query: URLSearchParams, is_asked: boolean, follows: boolean) {
  const [state, set_state] = useState<Recorded>(NOTHING);
  const asked = asked_of(query).toString();
  const known = useRef<{ asked: string; recorded: Recorded; cursor: string }>({ asked: "", recorded: NOTHING, cursor: "" });
  useEffect(() => {
    if (!is_asked) return;
    if (known.current.asked !== asked) {
      known.current = { asked, recorded: NOTHING, cursor: "" };
      set_state(NOTHING);
    }
    let alive = true, timer = 0;
    const turn = async () => {
      const present = known.current;
      try {
        const page = await get<TracePage>(`trace?${asked}${present.cursor ? `&cursor=${encodeURIComponent(present.cursor)}` : ""}`);
        if (!alive) return;
        present.recorded = joined(present.recorded, page);
        present.cursor = page.next_cursor ?? "";
        set_state(present.recorded);
      } catch (error) {
        if (alive) set_state({ ...present.recorded, error, is_known: true });
      }
      if (alive && follows) timer = window.setTimeout(turn, 1500);
    };
    if (follows || !known.current.recorded.is_known) turn();
    return () => { alive = false; clearTimeout(timer); };
  }, [asked, is_asked, follows]);
  return state;
}

const KEPT_TONE: Record<DebugTrace["state"], Tone> = { running: "good", done: "info", stopped: "info", full: "warn" };

/** Debug traces: begun for what the filter says, kept by the switch whoever looks. */
function Kept({ query }: { query: URLSearchParams }) {
  const at = useStore(now);
  const { value, again } = usePolled(() => get<Page<DebugTrace>>("debug-traces"), 3000);
  const [minutes, set_minutes] = useState("10");
  const whose = query.get("number") || query.get("address");
  const act = async (what: () => Promise<unknown>, words: string) => {
    try { await what(); toast(words); } catch (error) { toast((error as Error).message); }
    again();
  };
  const begin = () => act(() => {
    const end = query.get("address");
    return post("debug-traces", { minutes: Number(minutes), ...(query.get("number") ? { number: query.get("number") } : {}),
      ...(end ? { [is_address(end) ? "address" : "device"]: end } : {}) });
  }, t("kept_begun"));
  const list = value?.items ?? [];
  if (!list.length && !(whose && may("operator"))) return null;
  return (
    <section class="panel kept" aria-label={t("kept_title")}>
      <header><h2>{t("kept_title")}</h2>
        {whose && may("operator") && <span class="kept-begin">
          <select aria-label={t("kept_for")} value={minutes} onChange={(event) => set_minutes(event.currentTarget.value)}>{["5", "10", "30", "60", "240", "1440"].map((one) => <option value={one}>{t("kept_minutes", one)}</option>)}</select>
          <button type="button" class="primary" onClick={begin}>{t("kept_start", whose)}</button></span>}
      </header>
      <ul>{list.map((one) => (
        <li key={one.id} class={query.get("kept") === one.id ? "chosen" : ""}>
          <button type="button" class="link open strong" onClick={() => set_query({ kept: one.id, number: "", address: "", call: "", shown: "1", live: one.state === "running" ? "1" : "" }, false)}>{one.label || one.number}</button>
          <Badge tone={KEPT_TONE[one.state]}>{word("kept", one.state)}</Badge>
          <span class="muted">{stamp(one.started_at)} · {t("trace_count", number(one.records))}{one.state === "running" ? ` · ${t("kept_left", span(Math.max(0, (Date.parse(one.ends_at) - at) / 1000)))}` : ""}</span>
          {may("operator") && <span class="kept-acts">
            {one.state === "running" && <button type="button" onClick={() => act(() => post(`debug-traces/${one.id}/stop`), t("kept_stopped_now"))}>{t("kept_stop")}</button>}
            <button type="button" class="quiet danger-text" onClick={() => act(async () => { await remove(`debug-traces/${one.id}`); if (query.get("kept") === one.id) set_query({ kept: "", shown: "" }); }, t("kept_removed"))}>{t("remove")}</button></span>}
        </li>))}</ul>
    </section>
  );
}

export function Trace() {
  const { query } = useStore(place);
  const is_asked = query.get("shown") === "1" || FILTERS.some((name) => query.get(name));
  const follows = query.get("live") === "1";
  const { items, lanes, error, is_known } = useTrace(query, is_asked, follows);
  const [chosen, set_chosen] = useState<Traced | null>(null);
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => { if (follows && !chosen) end.current?.scrollIntoView({ block: "end" }); }, [follows, items.at(-1)?.id]);
  useEffect(() => set_chosen(null), [query.toString()]);
  const is_narrow = useMedia("(max-width: 1180px)");
  const is_absent = error instanceof Problem && (error.status === 404 || error.status === 405);
  const file = (ending: string) => `/api/v1/trace.${ending}?${asked_of(query)}`;
  return (
    <div class="screen">
      <Head title={t("trace")} note={is_asked && is_known && !error ? t("trace_count", number(items.length)) : ""}>
        {is_asked && !is_absent && <>
          <label class="check"><input type="checkbox" checked={query.get("keepalives") === "1"} onChange={(event) => set_query({ keepalives: event.currentTarget.checked ? "1" : "" })} /> {t("trace_keepalives")}</label>
          <button type="button" aria-pressed={follows} class={follows ? "primary" : ""} onClick={() => set_query({ live: follows ? "" : "1", shown: "1" })}>{t(follows ? "trace_following" : "trace_follow")}</button>
          <a class="button" href={file("pcap")} download="trace.pcap"><Icon name="download" size={16} /> {t("trace_pcap")}</a>
          <a class="button" href={file("txt")} download="trace.txt"><Icon name="download" size={16} /> {t("trace_text")}</a></>}
      </Head>
      <Filters query={query} />
      <Kept query={query} />
      {is_absent && <Empty icon="trace" title={t("trace_absent")} note={t("trace_absent_note")} />}
      {!!error && !is_absent && <Failed error={error} />}
      {!is_asked && <Empty icon="trace" title={t("trace_start")} note={t("trace_start_note")} />}
      {is_asked && is_known && !error && !items.length && <Empty icon="trace" title={t(query.get("kept") ? "kept_none" : "trace_none")} note={t(query.get("kept") ? "kept_none_note" : "trace_none_note")} />}
      {is_asked && items.length > 0 && (
        <div class={`trace-frame ${chosen && !is_narrow ? "with-message" : ""}`}>
          <Ladder items={items} lanes={lanes} chosen={chosen} onChoose={(item) => set_chosen(item.id === chosen?.id ? null : item)} />
          {chosen && !is_narrow && <aside class="panel message-panel" aria-label={t("trace_message")}><header><h2>{t("trace_message")}</h2>
            <button type="button" class="quiet square" aria-label={t("close")} onClick={() => set_chosen(null)}><Icon name="close" /></button></header><Message item={chosen} /></aside>}
          {chosen && is_narrow && <Dialog title={t("trace_message")} wide onClose={() => set_chosen(null)}><Message item={chosen} /></Dialog>}
        </div>)}
      <div ref={end} />
    </div>
  );
}

export const open_trace = (call: string) => go(`/trace?call=${encodeURIComponent(call)}&minutes=1440`);

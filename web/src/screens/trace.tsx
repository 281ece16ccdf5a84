// The flight recorder: who said what to whom, as a ladder, with the timers' decisions drawn in.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { get, Problem, type Page, type Traced } from "../api";
import { number, stamp, time_of_day } from "../format";
import { t, word } from "../language";
import { go, place, set_query } from "../router";
import { useStore } from "../store";
import { Icon } from "../ui/icons";
import { Badge, Dialog, Empty, Failed, Field, Head, useMedia } from "../ui/parts";

const FILTERS = ["call", "number", "address"];
const MINUTES = ["5", "15", "60", "360", "1440"];
const SHOWN_MAX = 1000;
const SWITCH = "\u0000switch";
const LANES_MAX = 6;

const milliseconds_of = (at: string) => at.slice(20, 23);
const is_response = (line: string) => /^\d{3}/.test(line.replace(/^SIP\/2\.0 /, ""));
export const line_of = (item: Traced) => (item.summary ?? item.text?.split("\r\n", 1)[0] ?? "").replace(/^SIP\/2\.0 /, "");

/** "INVITE 4420" of "INVITE sip:4420@192.0.2.1;user=phone". */
const brief = (line: string) => line.replace(/^([A-Z]+) sips?:(?:([^@;>\s]*)@)?\S*.*$/, (_, method, user) => (user ? `${method} ${decodeURIComponent(user)}` : method));

function tone_of(item: Traced): string {
  if (item.kind === "note") return ["failed", "expired"].includes(item.note ?? "") ? "bad" : "timer";
  if (item.kind === "keepalive") return "quiet";
  const status = Number(/^(\d{3})/.exec(line_of(item))?.[1] ?? 0);
  return status >= 400 ? "bad" : status >= 200 ? "good" : status ? "plain" : "request";
}

/** Callers' ends on the left, the switch, all others on the right. */
export function lanes_of(items: Traced[]): string[] {
  const left: string[] = [], right: string[] = [];
  for (const item of items) {
    if (!item.remote || left.includes(item.remote) || right.includes(item.remote)) continue;
    const is_callers = item.side ? item.side === "caller" : left.length === 0;
    (is_callers ? left : right).push(item.remote);
  }
  return [...left.slice(0, LANES_MAX / 2), SWITCH, ...right.slice(0, LANES_MAX - 1 - Math.min(left.length, LANES_MAX / 2))];
}

function Row({ item, lanes, chosen, onChoose }: { item: Traced; lanes: string[]; chosen: boolean; onChoose: () => void }) {
  const middle = (lane: number) => ((lane + 0.5) / lanes.length) * 100;
  const here = lanes.indexOf(SWITCH), there = item.remote ? lanes.indexOf(item.remote) : -1;
  const is_note = item.kind === "note" || there < 0;
  const from = item.direction === "received" ? there : here, to = item.direction === "received" ? here : there;
  const left = Math.min(middle(from), middle(to)), right = Math.max(middle(from), middle(to));
  const label = is_note ? line_of(item) : brief(line_of(item));
  return (
    <li>
      <button type="button" class={`step ${tone_of(item)} ${chosen ? "chosen" : ""}`} onClick={onChoose}>
        <span class="step-at">{time_of_day(item.at)}<small>.{milliseconds_of(item.at)}</small></span>
        <span class="step-lanes">
          {lanes.map((_, lane) => <i class="lane" style={{ left: `${middle(lane)}%` }} />)}
          {is_note
            ? <span class="step-note" style={{ left: `${middle(here)}%` }}>{word("note", item.note)}{item.side ? ` · ${word("side", item.side)}` : ""}{label ? ` · ${label}` : ""}</span>
            : <span class={`arrow ${to > from ? "to-right" : "to-left"} ${is_response(label) ? "response" : ""}`} style={{ left: `${left}%`, width: `${right - left}%` }}><span>{label}</span></span>}
        </span>
      </button>
    </li>
  );
}

function Ladder({ items, onChoose, chosen }: { items: Traced[]; onChoose: (item: Traced) => void; chosen: Traced | null }) {
  const lanes = useMemo(() => lanes_of(items), [items]);
  return (
    <div class="ladder panel">
      <div class="ladder-head" aria-hidden="true"><span class="step-at" /><span class="step-lanes">{lanes.map((lane, i) => (
        <span class={`lane-name ${lane === SWITCH ? "ours" : ""}`} style={{ left: `${(i / lanes.length) * 100}%`, width: `${100 / lanes.length}%` }}>{lane === SWITCH ? t("trace_switch") : lane}</span>))}</span></div>
      <ol aria-label={t("trace_ladder")}>{items.map((item) => <Row key={item.id ?? item.at + line_of(item) + item.remote} item={item} lanes={lanes} chosen={chosen === item} onChoose={() => onChoose(item)} />)}</ol>
    </div>
  );
}

function Message({ item }: { item: Traced }) {
  return <>
    <dl class="pairs"><dt>{t("when")}</dt><dd class="figure">{stamp(item.at, true)}</dd>
      {item.remote && <><dt>{t("address")}</dt><dd class="mono">{item.direction === "received" ? `${item.remote} → ${item.local ?? t("trace_switch")}` : `${item.local ?? t("trace_switch")} → ${item.remote}`} {item.transport && <Badge>{item.transport}</Badge>}</dd></>}
      {item.call && <><dt>{t("trace_call")}</dt><dd class="mono break">{item.call}</dd></>}</dl>
    <pre class="message" tabIndex={0}>{item.text ?? line_of(item)}</pre>
  </>;
}

function Filters({ query }: { query: URLSearchParams }) {
  const submit = (event: Event) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    set_query({ ...Object.fromEntries([...FILTERS, "minutes"].map((name) => [name, String(form.get(name) ?? "").trim()])), shown: "1" }, false);
  };
  const input = (name: "call" | "number" | "address", label: string) => (
    <Field label={label}>{(p) => <input {...p} name={name} class={name === "number" ? "" : "mono"} defaultValue={query.get(name) ?? ""} spellcheck={false} autocomplete="off" />}</Field>);
  return (
    <form class="filters trace-filters" onSubmit={submit} key={query.toString()} role="search">
      {input("number", t("trace_number"))}{input("address", t("trace_address"))}{input("call", t("trace_call"))}
      <Field label={t("trace_since")}>{(p) => <select {...p} name="minutes">{MINUTES.map((minutes) => (
        <option value={minutes} selected={minutes === (query.get("minutes") ?? "15")}>{t("trace_minutes", minutes)}</option>))}</select>}</Field>
      <div class="filter-acts"><button type="submit" class="primary"><Icon name="search" size={16} /> {t("filter")}</button></div>
    </form>
  );
}

function asked_of(query: URLSearchParams): URLSearchParams {
  const asked = new URLSearchParams();
  for (const name of FILTERS) if (query.get(name)) asked.set(name, query.get(name)!);
  asked.set("since", new Date(Date.now() - Number(query.get("minutes") || "15") * 60000).toISOString());
  return asked;
}

/** What was recorded, and what is being recorded while `follows`. */
function useTrace(query: URLSearchParams, is_asked: boolean, follows: boolean) {
  const [state, set_state] = useState<{ items: Traced[]; error?: unknown; is_known: boolean }>({ items: [], is_known: false });
  const filters = FILTERS.concat("minutes").map((name) => query.get(name) ?? "").join("\n");
  const items = useRef<Traced[]>([]);
  useEffect(() => {
    items.current = [];
    set_state({ items: [], is_known: false });
  }, [filters]);
  useEffect(() => {
    if (!is_asked) return;
    let alive = true, timer = 0;
    const turn = async () => {
      const asked = asked_of(query), last = items.current.at(-1);
      if (last) asked.set("since", last.at);
      try {
        const page = await get<Page<Traced>>(`trace?${asked}`);
        if (!alive) return;
        const known = new Set(items.current.slice(-200).map((item) => JSON.stringify(item)));
        items.current = [...items.current, ...page.items.filter((item) => !known.has(JSON.stringify(item)))].slice(-SHOWN_MAX);
        set_state({ items: items.current, is_known: true });
      } catch (error) {
        if (alive) set_state({ items: items.current, error, is_known: true });
      }
      if (alive && follows) timer = window.setTimeout(turn, 1500);
    };
    turn();
    return () => { alive = false; clearTimeout(timer); };
  }, [filters, is_asked, follows]);
  return state;
}

export function Trace() {
  const { query } = useStore(place);
  const is_asked = query.get("shown") === "1" || FILTERS.some((name) => query.get(name));
  const follows = query.get("live") === "1";
  const { items: all, error, is_known } = useTrace(query, is_asked, follows);
  const with_keepalives = query.get("keepalives") === "1";
  const items = useMemo(() => with_keepalives ? all : all.filter((item) => item.kind !== "keepalive"), [all, with_keepalives]);
  const [chosen, set_chosen] = useState<Traced | null>(null);
  const is_narrow = useMedia("(max-width: 1180px)");
  const is_absent = error instanceof Problem && (error.status === 404 || error.status === 405);
  const file = (ending: string) => `/api/v1/trace.${ending}?${asked_of(query)}`;
  return (
    <div class="screen">
      <Head title={t("trace")} note={is_known && !error ? t("trace_count", number(items.length)) : ""}>
        {is_asked && !is_absent && <>
          <label class="check"><input type="checkbox" checked={with_keepalives} onChange={(event) => set_query({ keepalives: event.currentTarget.checked ? "1" : "" })} /> {t("trace_keepalives")}</label>
          <button type="button" aria-pressed={follows} class={follows ? "primary" : ""} onClick={() => set_query({ live: follows ? "" : "1", shown: "1" })}>{t(follows ? "trace_following" : "trace_follow")}</button>
          <a class="button" href={file("pcap")} download="trace.pcap"><Icon name="download" size={16} /> {t("trace_pcap")}</a>
          <a class="button" href={file("txt")} download="trace.txt"><Icon name="download" size={16} /> {t("trace_text")}</a></>}
      </Head>
      <Filters query={query} />
      {is_absent && <Empty icon="trace" title={t("trace_absent")} note={t("trace_absent_note")} />}
      {!!error && !is_absent && <Failed error={error} />}
      {!is_asked && <Empty icon="trace" title={t("trace_start")} note={t("trace_start_note")} />}
      {is_known && !error && !items.length && <Empty icon="trace" title={t("trace_none")} note={t("trace_none_note")} />}
      {items.length > 0 && (
        <div class={`trace-frame ${chosen && !is_narrow ? "with-message" : ""}`}>
          <Ladder items={items} chosen={chosen} onChoose={(item) => set_chosen(item === chosen ? null : item)} />
          {chosen && !is_narrow && <aside class="panel message-panel" aria-label={t("trace_message")}><header><h2>{t("trace_message")}</h2>
            <button type="button" class="quiet square" aria-label={t("close")} onClick={() => set_chosen(null)}><Icon name="close" /></button></header><Message item={chosen} /></aside>}
          {chosen && is_narrow && <Dialog title={t("trace_message")} wide onClose={() => set_chosen(null)}><Message item={chosen} /></Dialog>}
        </div>)}
    </div>
  );
}

export const open_trace = (call: string) => go(`/trace?call=${encodeURIComponent(call)}&minutes=1440`);

import { useEffect, useState } from "preact/hooks";
import { csv, get, Problem, type Cdr, type Device, type Explanation, type Page, type Timer } from "../api";
import { clock, milliseconds, number, stamp } from "../format";
import { said as said_in, t, word, type Text } from "../language";
import { language } from "../preferences";
import { english } from "../text/en";
import { chinese_explanations } from "../text/zh";
import { place, set_query } from "../router";
import { useStore } from "../store";
import { Icon } from "../ui/icons";
import { List, type Column } from "../ui/list";
import { Badge, Dialog, Empty, Failed, Field, Head, message_of, toast } from "../ui/parts";
import { FindingCard } from "./doctor";
import { tone_of } from "./overview";
import { open_trace } from "./trace";

const FILTERS = ["caller", "callee", "gateway", "reason", "from", "to"];
const REASONS = Object.keys(english).filter((name) => name.startsWith("reason_")).map((name) => name.slice("reason_".length));

/** The API's query for the address's filters: times in the address are the operator's, those of the API are UTC. */
function api_query(query: URLSearchParams, more: Record<string, string> = {}): string {
  const asked = new URLSearchParams(more);
  for (const name of FILTERS) {
    const value = query.get(name);
    if (value) asked.set(name, name === "from" || name === "to" ? new Date(value).toISOString() : value);
  }
  return `cdrs?${asked}`;
}

function TimerPairs({ timer }: { timer?: Timer }) {
  if (!timer?.interval_s) return <dd>{t("refresher_none")}</dd>;
  return <dd>{timer.interval_s} s, {word("refresher", timer.refresher)}{timer.method ? `, ${timer.method}` : ""}, {t("refreshes").toLowerCase()}: {number(timer.refreshes)}</dd>;
}

function Timeline({ cdr }: { cdr: Cdr }) {
  const stages = (["started", "ringing", "answered", "ended"] as const).map((name) => [name, cdr[`${name}_at`] as string | null] as const).filter(([, at]) => at);
  const begin = Date.parse(cdr.started_at);
  return (
    <ol class="timeline">{stages.map(([name, at]) => (
      <li class={name}><strong>{t(name as Text)}</strong><span>{stamp(at, true)}</span>
        {name !== "started" && <small>+{milliseconds(Date.parse(at!) - begin)}</small>}</li>
    ))}</ol>
  );
}

/** The messages that decided how the call ended, and what the doctor thinks of it. */
function Why({ id }: { id: string }) {
  const [said, set_said] = useState<Explanation | null>(null);
  useEffect(() => { get<Explanation>(`cdrs/${encodeURIComponent(id)}/explanation`).then(set_said, () => {}); }, [id]);
  return <>
    {!!said?.messages?.length && <section class="decisive"><h3>{t("decisive")}</h3><ol>{said.messages.map((message) => (
      <li><span class="figure muted">{stamp(message.at, true).slice(11)}</span>
        <span class={`decisive-way ${message.direction}`} aria-hidden="true">{message.direction === "in" ? "→" : message.direction === "out" ? "←" : "•"}</span>
        <span class="mono clip" title={in_language(message)}>{in_language(message)}</span>
        <span class="muted mono small">{message.remote}{message.repeats > 1 ? ` ×${message.repeats}` : ""}</span></li>))}</ol></section>}
    {said?.findings?.map((finding) => <FindingCard finding={finding} brief />)}
  </>;
}

/** What the switch notes itself is a sentence, what was said on the wire is not. */
const in_language = ({ direction, summary }: { direction: string; summary: string }) => (direction === "inside" ? said_in(summary) : summary);

/** Why it ended, in a sentence; the switch's own says more. */
function Words({ cdr }: { cdr: Cdr }) {
  const translated = language.get() === "zh" && (chinese_explanations[cdr.end_cause ?? ""] ?? chinese_explanations[cdr.end_reason]);
  if (!translated) return cdr.explanation ? <p>{cdr.explanation}</p> : null;
  const more = said_in(cdr.explanation);
  return <><p>{translated}</p>{cdr.end_cause && more !== cdr.explanation && <p class="muted small">{more}</p>}</>;
}

/** "caller: BYE", in the operator's words. */
const proof = (by: string | null) => by?.replace(/^(caller|callee)\b/, (side) => word("side", side)) ?? "–";

const RECORD_SOON_MS = 5000, ASK_AGAIN_MS = 250;

/** The record is stored within a second after the end of its call, and who comes from there may be sooner. */
async function get_record(id: string, goes_on: () => boolean): Promise<Cdr> {
  for (const until = Date.now() + RECORD_SOON_MS; ;) {
    try {
      return await get<Cdr>(`cdrs/${encodeURIComponent(id)}`);
    } catch (problem) {
      if (!(problem instanceof Problem && problem.status === 404) || Date.now() > until || !goes_on()) throw problem;
    }
    await new Promise((done) => setTimeout(done, ASK_AGAIN_MS));
  }
}

function CdrDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const [cdr, set_cdr] = useState<Cdr | null>(null);
  const [error, set_error] = useState<unknown>(null);
  useEffect(() => {
    let alive = true;
    get_record(id, () => alive).then((found) => alive && set_cdr(found), (problem) => alive && set_error(problem));
    return () => { alive = false; };
  }, [id]);
  const text = (name: string) => (cdr?.[name] as string | null) ?? "–";
  const side = (name: "caller" | "callee") => (
    <section class="leg">
      <header><h3>{t(`${name}_leg` as Text)}</h3></header>
      <p class="leg-number">{text(name)}{text(`${name}_out`) !== text(name) && <small>{t("sent_as", text(`${name}_out`))}</small>}</p>
      <p class="leg-device">{text(`${name}_device`)}</p>
      <dl class="pairs">
        <dt>{t("peer")}</dt><dd class="mono">{text(`${name}_address`)}</dd>
        <dt>{t("call_id")}</dt><dd class="mono break">{text(`${name}_call_id`)}</dd>
        <dt>{t("timers")}</dt><TimerPairs timer={cdr?.[`${name}_timer`] as Timer | undefined} />
      </dl>
    </section>
  );
  return (
    <Dialog title={cdr ? `${cdr.caller ?? "?"} → ${cdr.callee ?? "?"}` : t("loading")} wide onClose={onClose} actions={<button type="button" onClick={() => open_trace(id)}><Icon name="trace" /> {t("trace_open")}</button>}>
      {!!error && <Failed error={error} />}
      {cdr && <>
        <div class="verdict"><Badge tone={tone_of(cdr.end_reason)}>{word("reason", cdr.end_reason)}</Badge>
          {cdr.end_cause && <span>{word("cause", cdr.end_cause)}</span>}
          <Words cdr={cdr} /></div>
        <Timeline cdr={cdr} />
        <dl class="facts">
          <div><dt>{t("ended_by")}</dt><dd>{word("side", cdr.end_direction)}</dd></div>
          <div><dt>{t("length")}</dt><dd>{cdr.hold_time_ms === null ? "–" : clock(cdr.hold_time_ms / 1000)}</dd></div>
          <div><dt>PDD</dt><dd>{milliseconds(cdr.pdd_ms)}</dd></div>
          <div><dt>{t("sip_status")}</dt><dd>{cdr.sip_status ?? "–"}</dd></div>
          <div><dt>{t("q850")}</dt><dd>{cdr.q850_cause ?? "–"}</dd></div>
          <div><dt>{t("last_alive")}</dt><dd>{cdr.last_alive_at ? t("evidence", stamp(cdr.last_alive_at), proof(cdr.last_alive_by)) : "–"}</dd></div>
        </dl>
        <div class="legs">{side("caller")}{side("callee")}</div>
        <Why id={id} />
        <p class="muted mono small">{t("record", cdr.id)}</p></>}
    </Dialog>
  );
}

/** Names of gateways, to choose from; a phone's number may be typed, too. */
function useGateways(): string[] {
  const [names, set_names] = useState<string[]>([]);
  useEffect(() => {
    const ask = (kind: string) => get<Page<Device>>(`${kind}?limit=500`).then((page) => page.items.map((one) => String(one.name)), () => []);
    Promise.all([ask("mapping-gateways"), ask("routing-gateways")]).then((lists) => set_names([...new Set(lists.flat())].sort()));
  }, []);
  return names;
}

function Filters({ query }: { query: URLSearchParams }) {
  const gateways = useGateways();
  const submit = (event: Event) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    set_query(Object.fromEntries(FILTERS.map((name) => [name, String(form.get(name) ?? "").trim()])), false);
  };
  const is_filtered = FILTERS.some((name) => query.get(name));
  return (
    <form class="filters" onSubmit={submit} key={query.toString()} role="search">
      <Field label={t("caller")}>{(p) => <input {...p} name="caller" placeholder={t("exact_number")} defaultValue={query.get("caller") ?? ""} spellcheck={false} />}</Field>
      <Field label={t("callee")}>{(p) => <input {...p} name="callee" placeholder={t("exact_number")} defaultValue={query.get("callee") ?? ""} spellcheck={false} />}</Field>
      <Field label={t("gateway")}>{(p) => <><input {...p} name="gateway" list="gateways" placeholder={t("gateway_or_phone")} defaultValue={query.get("gateway") ?? ""} spellcheck={false} autocomplete="off" />
        <datalist id="gateways">{gateways.map((name) => <option value={name} />)}</datalist></>}</Field>
      <Field label={t("reason")}>{(p) => (
        <select {...p} name="reason"><option value="">{t("all")}</option>
          {REASONS.map((reason) => <option value={reason} selected={reason === query.get("reason")}>{word("reason", reason)}</option>)}</select>)}</Field>
      <Field label={t("from")} wide>{(p) => <input {...p} name="from" type="datetime-local" defaultValue={query.get("from") ?? ""} />}</Field>
      <Field label={t("to")} wide>{(p) => <input {...p} name="to" type="datetime-local" defaultValue={query.get("to") ?? ""} />}</Field>
      <div class="filter-acts"><button type="submit" class="primary"><Icon name="search" size={16} /> {t("filter")}</button>
        {is_filtered && <button type="button" onClick={() => set_query(Object.fromEntries(FILTERS.map((name) => [name, ""])), false)}>{t("clear")}</button>}</div>
    </form>
  );
}

export function Cdrs() {
  const { query } = useStore(place);
  const asked = api_query(query, { limit: "200" });
  const [state, set_state] = useState<{ items: Cdr[]; next: string | null; busy: boolean; error?: unknown }>({ items: [], next: null, busy: true });
  const [round, set_round] = useState(0);

  useEffect(() => {
    let alive = true;
    set_state((before) => ({ ...before, busy: true }));
    get<Page<Cdr>>(asked).then(
      (page) => alive && set_state({ items: page.items, next: page.next_cursor, busy: false }),
      (error) => alive && set_state({ items: [], next: null, busy: false, error }));
    return () => { alive = false; };
  }, [asked, round]);

  const load_more = async () => {
    set_state((before) => ({ ...before, busy: true }));
    try {
      const page = await get<Page<Cdr>>(`${asked}&cursor=${encodeURIComponent(state.next!)}`);
      set_state((before) => ({ items: [...before.items, ...page.items], next: page.next_cursor, busy: false }));
    } catch (error) {
      set_state((before) => ({ ...before, busy: false, error }));
    }
  };
  const save_csv = async () => {
    try {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(await csv(api_query(query, { limit: "100000" })));
      link.download = `cdrs-${new Date().toISOString().slice(0, 19).replace(/[:T]/g, "-")}.csv`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    } catch (error) {
      toast(message_of(error));
    }
  };

  const open = (cdr: Cdr) => set_query({ id: cdr.id }, false);
  const reason = (c: Cdr) => c.ended_at ? <Badge tone={tone_of(c.end_reason)}>{word("reason", c.end_reason)}</Badge> : <Badge tone="info">{word("state", c.state as string)}</Badge>;
  const columns: Column<Cdr>[] = [
    { name: "started", title: t("started"), width: "164px", show: (c) => <span class="figure">{stamp(c.started_at)}</span> },
    { name: "from_to", title: t("from_to"), width: "minmax(150px, 1fr)", show: (c) => <button type="button" class="link open strong" onClick={() => open(c)}>{c.caller ?? "?"} <span class="muted">→</span> {c.callee ?? "?"}</button> },
    { name: "devices", title: t("devices"), width: "minmax(190px, 1.9fr)", show: (c) => <span class="clip">{c.caller_device ?? "–"} <span class="muted">→</span> {c.callee_device ?? "–"}</span> },
    { name: "pdd", title: "PDD", width: "68px", right: true, show: (c) => milliseconds(c.pdd_ms) },
    { name: "length", title: t("length"), width: "76px", right: true, show: (c) => <span class="figure">{c.hold_time_ms === null ? "–" : clock(c.hold_time_ms / 1000)}</span> },
    { name: "by", title: t("ended_by"), width: "76px", show: (c) => word("side", c.end_direction) },
    { name: "reason", title: t("reason"), width: "140px", show: reason },
    { name: "status", title: "SIP", width: "44px", right: true, show: (c) => <span class="muted">{c.sip_status ?? "–"}</span> },
  ];
  return (
    <div class="screen fixed">
      <Head title={t("cdrs")} note={state.items.length ? `${number(state.items.length)}${state.next ? "+" : ""}` : t("seen")}>
        <button type="button" onClick={() => set_round((n) => n + 1)}>{t("refresh")}</button>
        <button type="button" onClick={save_csv}><Icon name="download" /> {t("export_csv")}</button>
      </Head>
      <Filters query={query} />
      {!!state.error && <Failed error={state.error} />}
      {!state.busy && !state.error && !state.items.length && <Empty icon="cdrs" title={t(FILTERS.some((name) => query.get(name)) ? "no_cdrs" : "no_calls_yet")} note={t("no_cdrs_note")} />}
      {state.items.length > 0 && <List label={t("cdrs")} rows={state.items} columns={columns} open={open} card_height={98}
        footer={state.next && <button type="button" disabled={state.busy} onClick={load_more}>{t("load_more")}</button>}
        card={(c) => <>
          <div class="card-line"><button type="button" class="link open strong" onClick={() => open(c)}>{c.caller ?? "?"} → {c.callee ?? "?"}</button><span class="figure">{c.hold_time_ms === null ? "–" : clock(c.hold_time_ms / 1000)}</span></div>
          <div class="card-line muted"><span class="clip">{c.caller_device ?? "–"} → {c.callee_device ?? "–"}</span>{reason(c)}</div>
          <div class="card-line muted"><span class="figure">{stamp(c.started_at)}</span><span>{c.sip_status ?? ""}</span></div></>} />}
      {query.get("id") && <CdrDialog id={query.get("id")!} onClose={() => set_query({ id: "" })} />}
    </div>
  );
}

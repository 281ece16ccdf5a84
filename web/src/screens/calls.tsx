import { useState } from "preact/hooks";
import { get, may, Problem, remove, type Call, type Leg } from "../api";
import { ago, clock, number, stamp } from "../format";
import { t, word } from "../language";
import { now, status, usePolled } from "../live";
import { go, place, set_query } from "../router";
import { useStore } from "../store";
import { open_trace } from "./trace";
import { useFound } from "../ui/found";
import { Icon } from "../ui/icons";
import { List, type Column } from "../ui/list";
import { Badge, Choice, Confirm, Dialog, Empty, Failed, Head, Left, Search, toast, type Tone } from "../ui/parts";

const STATES = ["up", "answered", "ringing", "progressing", "trying", "inviting"];
const TONE: Record<string, Tone> = { up: "good", answered: "good", ringing: "info", progressing: "info" };
/** What was counted down when it was asked for, counted on to now. */
const counted = (seconds: number | null, asked_at: number, at: number) =>
  seconds === null ? null : Math.max(0, seconds - (at - asked_at) / 1000);
const lasting = (call: Call, asked_at: number, at: number) =>
  call.answered_at ? call.duration_s + Math.max(0, (at - asked_at) / 1000) : null;

function TimerLine({ leg, asked_at, at }: { leg: Leg | null; asked_at: number; at: number }) {
  const timer = leg?.timer;
  if (!timer?.interval_s) return <span class="timer none">{leg ? t("refresher_none") : "–"}</span>;
  const refresh = counted(timer.next_refresh_in_s, asked_at, at), expires = counted(timer.expires_in_s, asked_at, at);
  const left = refresh ?? expires;
  const whole = refresh !== null ? timer.interval_s / 2 : timer.interval_s;
  return (
    <span class="timer" title={word("refresher", timer.refresher)}>
      <Left part={(left ?? 0) / whole} tone={(expires ?? 999) < 32 ? "warn" : "info"} />
      <span>{clock(left)}</span>
    </span>
  );
}

function LegPanel({ title, leg, number_, sent_as, device, asked_at, at }:
  { title: string; leg: Leg | null; number_: string | null; sent_as: string | null; device: string | null; asked_at: number; at: number }) {
  const timer = leg?.timer;
  const expires = counted(timer?.expires_in_s ?? null, asked_at, at);
  const refresh = counted(timer?.next_refresh_in_s ?? null, asked_at, at);
  return (
    <section class="leg">
      <header><h3>{title}</h3>{leg && <Badge tone={leg.state === "up" ? "good" : "info"}>{word("state", leg.state)}</Badge>}</header>
      <p class="leg-number">{number_ ?? "–"}{sent_as && sent_as !== number_ && <small>{t("sent_as", sent_as)}</small>}</p>
      <p class="leg-device">{device ?? "–"}</p>
      {!leg ? <p class="muted">{t("no_leg")}</p> : <>
        {timer?.interval_s ? (
          <div class="leg-timer">
            <div><span>{t("session_ends")}</span><strong>{clock(expires)}</strong></div>
            <Left part={(expires ?? 0) / timer.interval_s} tone={(expires ?? 999) < 32 ? "warn" : "good"} />
            <dl class="pairs">
              <dt>{t("next_refresh")}</dt><dd>{clock(refresh)}</dd>
              <dt>{t("refresher")}</dt><dd>{word("refresher", timer.refresher)}</dd>
              <dt>{t("interval")}</dt><dd>{timer.interval_s} s</dd>
              <dt>{t("method")}</dt><dd>{timer.method ?? "–"}</dd>
              {timer.refreshes !== undefined && <><dt>{t("refreshes")}</dt><dd>{number(timer.refreshes)}</dd></>}
            </dl>
          </div>
        ) : <p class="muted">{t("watched_otherwise")}</p>}
        <dl class="pairs">
          <dt>{t("last_alive")}</dt><dd>{ago(leg.last_alive, at)}</dd>
          <dt>{t("peer")}</dt><dd class="mono">{leg.peer ?? "–"}{leg.transport ? ` (${leg.transport})` : ""}</dd>
          <dt>{t("call_id")}</dt><dd class="mono break">{leg.call_id ?? "–"}</dd>
        </dl></>}
    </section>
  );
}

function CallDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const [confirms, set_confirms] = useState(false);
  const at = useStore(now);
  const { value: call, error, at: asked_at, again } = usePolled(() => get<Call>(`calls/${encodeURIComponent(id)}`), 2000, [id]);
  const is_over = error instanceof Problem && error.status === 404;
  return (
    <Dialog title={call ? `${call.caller ?? "?"} → ${call.callee ?? "?"}` : t(is_over ? "calls" : "loading")} wide onClose={onClose} actions={<>
      {is_over && <button type="button" onClick={() => go(`/cdrs?id=${encodeURIComponent(id)}`)}>{t("show_record")}</button>}
      <button type="button" onClick={() => open_trace(id)}><Icon name="trace" /> {t("trace_open")}</button>
      {!is_over && may("operator") && <button type="button" class="danger" onClick={() => set_confirms(true)}><Icon name="hang_up" /> {t("hang_up")}</button>}
    </>}>
      {is_over && <p class="note">{t("call_over")}</p>}
      {error && !is_over && <Failed error={error} />}
      {call && <>
        <dl class="facts">
          <div><dt>{t("state")}</dt><dd><Badge tone={TONE[call.state]}>{word("state", call.state)}</Badge></dd></div>
          <div><dt>{t("talk")}</dt><dd>{clock(lasting(call, asked_at, is_over ? asked_at : at))}</dd></div>
          <div><dt>{t("started")}</dt><dd>{stamp(call.started_at)}</dd></div>
          <div><dt>{t("answered")}</dt><dd>{stamp(call.answered_at)}</dd></div>
        </dl>
        <div class="legs">
          <LegPanel title={t("caller_leg")} leg={call.caller_leg} number_={call.caller} sent_as={call.caller_out} device={call.caller_device} asked_at={asked_at} at={at} />
          <LegPanel title={t("callee_leg")} leg={call.callee_leg} number_={call.callee} sent_as={call.callee_out} device={call.callee_device} asked_at={asked_at} at={at} />
        </div></>}
      {confirms && <HangUp id={id} onClose={() => set_confirms(false)} onDone={again} />}
    </Dialog>
  );
}

function HangUp({ id, onClose, onDone }: { id: string; onClose: () => void; onDone: () => void }) {
  return <Confirm title={t("hang_up_title")} text={t("hang_up_text")} action={t("hang_up")} onClose={onClose}
    onConfirm={async () => { await remove(`calls/${encodeURIComponent(id)}`); toast(t("hung_up")); onDone(); }} />;
}

export function Calls() {
  const { query } = useStore(place);
  const at = useStore(now);
  const present = useStore(status);
  const words = (query.get("q") ?? "").trim();
  const state = query.get("state") ?? "", refresher = query.get("refresher") ?? "", expires = query.get("expires") ?? "";
  const is_filtered = !!(words || state || refresher || expires);
  const [hangs_up, set_hangs_up] = useState<string | null>(null);
  const { page, rows, total, error, asked_at, again, sort, part } =
    useFound<Call>("calls", { q: words, state, refresher, expires_within_s: expires || "0" }, "-talk", 2000);
  const open = query.get("call");

  const last_alive = (call: Call) => [call.caller_leg?.last_alive, call.callee_leg?.last_alive].filter(Boolean).sort().pop() as string | undefined;
  const columns: Column<Call>[] = [
    { name: "caller", title: t("from_to"), width: "minmax(190px, 1.2fr)", by: (c) => c.caller ?? "", show: (c) => (
      <button type="button" class="link open strong" onClick={() => set_query({ call: c.id }, false)}>{c.caller ?? "?"} <span class="muted">→</span> {c.callee ?? "?"}</button>) },
    { name: "state", title: t("state"), width: "100px", by: (c) => c.state, show: (c) => <Badge tone={TONE[c.state]}>{word("state", c.state)}</Badge> },
    { name: "talk", title: t("talk"), width: "80px", right: true, by: (c) => c.duration_s, show: (c) => <span class="figure">{clock(lasting(c, asked_at, at))}</span> },
    { name: "device", title: t("devices"), width: "minmax(190px, 1.6fr)", by: (c) => c.caller_device ?? "", show: (c) => <span class="clip">{c.caller_device ?? "–"} <span class="muted">→</span> {c.callee_device ?? "–"}</span> },
    { name: "caller_timer", title: t("caller_timer"), width: "104px", show: (c) => <TimerLine leg={c.caller_leg} asked_at={asked_at} at={at} /> },
    { name: "expires", title: t("callee_timer"), width: "104px", by: () => 0, show: (c) => <TimerLine leg={c.callee_leg} asked_at={asked_at} at={at} /> },
    { name: "alive", title: t("last_alive"), width: "132px", by: (c) => last_alive(c) ?? "", show: (c) => <span class="muted">{ago(last_alive(c), at)}</span> },
    { name: "act", title: "", width: "40px", right: true, show: (c) => may("operator") && (
      <button type="button" class="quiet square danger-text" aria-label={`${t("hang_up")} ${c.caller} → ${c.callee}`} title={t("hang_up")} onClick={() => set_hangs_up(c.id)}><Icon name="hang_up" /></button>) },
  ];
  return (
    <div class="screen fixed">
      <Head title={t("calls")} note={page ? (is_filtered ? t("shown_of", number(total), number(present?.calls.current ?? total)) : number(total)) : ""}>
        <Search value={query.get("q") ?? ""} label={t("search_calls")} onValue={(q) => set_query({ q })} />
        <Choice label={t("state")} value={state} words={STATES.map((one) => [one, word("state", one)])} onValue={(v) => set_query({ state: v })} />
        <Choice label={t("refresher")} value={refresher} words={["us", "them", "none"].map((one) => [one, word("refresher", one)])} onValue={(v) => set_query({ refresher: v })} />
        <Choice label={t("session_ends")} value={expires} words={["30", "90", "300"].map((one) => [one, `< ${one} s`])} onValue={(v) => set_query({ expires: v })} />
      </Head>
      {error && !page && <Failed error={error} />}
      {page && !total && (is_filtered ? <Empty icon="search" title={t("nothing_fits")} /> : <Empty icon="calls" title={t("no_calls")} note={t("no_calls_note")} />)}
      {total > 0 && <List label={t("calls")} rows={rows} columns={columns} sorted={sort} open={(c) => set_query({ call: c.id }, false)} part={part}
        card_height={116} card={(c) => <>
          <div class="card-line"><button type="button" class="link open strong" onClick={() => set_query({ call: c.id }, false)}>{c.caller ?? "?"} → {c.callee ?? "?"}</button>
            <span class="figure">{clock(lasting(c, asked_at, at))}</span></div>
          <div class="card-line muted"><span>{c.caller_device ?? "–"} → {c.callee_device ?? "–"}</span><Badge tone={TONE[c.state]}>{word("state", c.state)}</Badge></div>
          <div class="card-line"><span class="card-timers"><TimerLine leg={c.caller_leg} asked_at={asked_at} at={at} /><TimerLine leg={c.callee_leg} asked_at={asked_at} at={at} /></span>
            {may("operator") && <button type="button" class="quiet square danger-text" aria-label={`${t("hang_up")} ${c.caller} → ${c.callee}`} onClick={() => set_hangs_up(c.id)}><Icon name="hang_up" /></button>}</div>
        </>} />}
      {open && <CallDialog id={open} onClose={() => set_query({ call: "" })} />}
      {hangs_up && <HangUp id={hangs_up} onClose={() => set_hangs_up(null)} onDone={again} />}
    </div>
  );
}

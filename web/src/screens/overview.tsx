import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { get, type Figures, type History, type Traffic } from "../api";
import { clock, milliseconds, number, percent } from "../format";
import { said, t, word } from "../language";
import { status, usePolled } from "../live";
import { follow } from "../router";
import { useStore } from "../store";
import { Chart, Spark } from "../ui/chart";
import { Icon } from "../ui/icons";
import { Badge, Empty, Head, type Tone } from "../ui/parts";

interface TileProps { label: string; title?: string; value: string; note?: string; values?: (number | null)[]; color: string; href?: string; tone?: Tone }
function Tile({ label, title, value, note, values, color, href, tone }: TileProps) {
  const inside = <>
    <span class="tile-label" title={title}>{label}</span>
    <span class={`tile-value ${tone ?? ""}`}>{value}</span>
    <span class="tile-note">{note ?? ""}</span>
    {values && <Spark values={values} color={color} />}
  </>;
  return href ? <a class="tile" href={href} onClick={follow}>{inside}</a> : <div class="tile">{inside}</div>;
}

function Panel({ title, note, children, wide }: { title: string; note?: ComponentChildren; children: ComponentChildren; wide?: boolean }) {
  return <section class={`panel ${wide ? "wide" : ""}`}><header><h2>{title}</h2>{note && <span class="panel-note">{note}</span>}</header>{children}</section>;
}

const TONES: Record<string, Tone> = { normal: "good", cancelled: "plain", busy: "plain", no_answer: "plain", rejected: "plain", operator: "info" };
export const tone_of = (reason: string): Tone => TONES[reason] ?? (reason === "session_timeout" || reason === "duration_limit" ? "warn" : "bad");

function Reasons({ reasons }: { reasons: Record<string, number> }) {
  const rows = Object.entries(reasons).sort((a, b) => b[1] - a[1]);
  const all = rows.reduce((sum, [, count]) => sum + count, 0);
  if (!all) return <Empty icon="cdrs" title={t("no_calls_yet")} />;
  return (
    <ul class="reasons">{rows.slice(0, 7).map(([reason, count]) => (
      <li><a href={`/cdrs?reason=${reason}`} onClick={follow}>
        <span class="reason-name">{word("reason", reason)}</span>
        <span class="reason-bar"><span class={tone_of(reason)} style={{ width: `${(count / all) * 100}%` }} /></span>
        <span class="reason-count">{percent((count / all) * 100)}</span></a></li>
    ))}</ul>
  );
}

function Alarms() {
  const alarms = useStore(status)?.alarms ?? [];
  if (!alarms.length) return <div class="quiet-sky"><span><Icon name="check" size={22} /></span><div><strong>{t("all_quiet")}</strong><p>{t("all_quiet_note")}</p></div></div>;
  return (
    <ul class="alarms">{alarms.map((alarm) => (
      <li class={`alarm level-${alarm.level}`}><Icon name="alarm" size={20} /><span>{word("alarm", alarm.name)}</span>
        <Badge tone={alarm.level > 1 ? "bad" : "warn"}>{number(alarm.value)} · {word("level", String(alarm.level))}</Badge></li>
    ))}</ul>
  );
}

function Gateways({ traffic }: { traffic?: Traffic }) {
  const rows: [string, string, Figures][] = [];
  for (const [name, figures] of Object.entries(traffic?.callers ?? {})) rows.push([name, "mapping", figures]);
  for (const [name, figures] of Object.entries(traffic?.callees ?? {})) rows.push([name, "routing", figures]);
  rows.sort((a, b) => b[2].calls - a[2].calls);
  if (!rows.length) return <Empty icon="routing" title={t("no_calls_yet")} />;
  return (
    <div class="scroll-x" tabIndex={0} role="region" aria-label={t("busiest")}>
      <table class="plain">
        <thead><tr><th>{t("name")}</th><th class="right">{t("calls")}</th><th class="right">ASR</th><th class="right">ACD</th><th class="right">PDD</th></tr></thead>
        <tbody>{rows.slice(0, 7).map(([name, side, f]) => (
          <tr><td><span class={`side ${side}`}><Icon name={side} size={15} /></span> {name}</td><td class="right">{number(f.calls)}</td>
            <td class="right">{percent(f.asr_percent)}</td><td class="right">{clock(f.acd_s)}</td><td class="right">{milliseconds(f.pdd_ms)}</td></tr>
        ))}</tbody>
      </table>
    </div>
  );
}

export function Overview() {
  const [is_week, set_week] = useState(false);
  const present = useStore(status);
  const history = usePolled(() => get<History>(is_week ? "history?span=week&step=10" : "history?span=hour&step=5"), 5000, [is_week]).value;
  const traffic = usePolled(() => get<Traffic>("traffic"), 10000).value;
  const series = history?.series ?? {};
  const recent = present?.recent;
  const of_calls = t("asr_long", number(recent?.calls ?? 0));
  const keep = present?.keep_alive;
  const is_late = (present?.loop_lag_ms ?? 0) > 250;
  const enough = (series.calls?.length ?? 0) > 1;
  const chart = (label: string, lines: Parameters<typeof Chart>[0]["lines"], max?: number) =>
    history && enough ? <Chart history={history} label={label} lines={lines} max={max} /> : <div class="chart-waits">{t("chart_waits")}</div>;
  return (
    <div class="screen">
      <Head title={t("overview")} note={present ? t("all_sockets", present.sip.join(", ")) : ""}>
        <div class="choice" role="group" aria-label={t("group_history")}>
          <button type="button" aria-pressed={!is_week} onClick={() => set_week(false)}>{t("last_hour")}</button>
          <button type="button" aria-pressed={is_week} onClick={() => set_week(true)}>{t("last_week")}</button>
        </div>
      </Head>
      <div class="tiles">
        <Tile label={t("calls_now")} value={number(present?.calls.current)} note={t("answered_now", number(present?.calls.answered))} values={series.calls} color="c1" href="/calls" />
        <Tile label={t("cps")} value={number(present?.rates?.attempts_per_s, 1)} note={t("answers_ps", number(present?.rates?.answers_per_s, 1))} values={series.attempts_per_s} color="c2" />
        <Tile label={t("asr")} value={percent(recent?.asr_percent)} note={of_calls} values={series.asr_percent} color="c3" />
        <Tile label={t("acd")} value={clock(recent?.acd_s)} note={t("acd_long")} values={series.acd_s} color="c3" />
        <Tile label={t("pdd")} value={milliseconds(recent?.pdd_ms)} note={t("pdd_long")} values={series.pdd_ms} color="c4" />
        <Tile label={t("registrations_now")} value={number(present?.registrations)} values={series.registrations} color="c4" href="/registrations"
          note={keep?.devices ? t("keep_alive_note", number(keep.unreachable), milliseconds(keep.lag_ms)) : ""} tone={keep && (!keep.round_is_kept || keep.unreachable > 0) ? "warn" : undefined} title={keep?.round && said(`${keep.round}.`)} />
        <Tile label={t("records_waiting")} value={number(present?.records.waiting)} note={t("records_written", number(present?.records.written))} values={series.records_waiting}
          color="c2" tone={present && !present.store.ok ? "bad" : undefined} />
        <Tile label={t("processor")} value={percent(present?.rates?.processor_percent)} note={t("loop_lag", number(present?.loop_lag_ms))} values={series.processor_percent} color="c1" tone={is_late ? "warn" : undefined} />
      </div>
      <div class="panels">
        <Panel title={t("chart_calls")} wide note={<Legend items={[["c1", t("series_calls")], ["c3", t("series_answered")]]} />}>
          {chart(t("chart_calls"), [{ name: "calls", label: t("series_calls"), color: "--c1", fill: true }, { name: "calls_answered", label: t("series_answered"), color: "--c3" }])}
        </Panel>
        <Panel title={t("alarms")}><Alarms /></Panel>
        <Panel title={t("chart_rate")} note={<Legend items={[["c2", t("series_attempts")], ["c3", t("series_answers")]]} />}>
          {chart(t("chart_rate"), [{ name: "attempts_per_s", label: t("series_attempts"), color: "--c2", fill: true }, { name: "answers_per_s", label: t("series_answers"), color: "--c3" }])}
        </Panel>
        <Panel title={t("chart_quality")} note={<Legend items={[["c3", t("series_asr")]]} />}>{chart(t("chart_quality"), [{ name: "asr_percent", label: t("series_asr"), color: "--c3", fill: true }], 100)}</Panel>
        <Panel title={t("why_ended")} note={recent?.calls ? t("why_ended_note", number(recent.calls)) : undefined}><Reasons reasons={recent?.reasons ?? {}} /></Panel>
        <Panel title={t("busiest")} wide><Gateways traffic={traffic} /></Panel>
        <Panel title={t("chart_registrations")} note={<Legend items={[["c4", t("registrations_now")]]} />}>{chart(t("chart_registrations"), [{ name: "registrations", label: t("chart_registrations"), color: "--c4", fill: true }])}</Panel>
        <Panel title={t("refreshes_ps")} note={<Legend items={[["c1", t("refreshes_good")], ["c2", t("refreshes_failed")]]} />}>
          {chart(t("refreshes_ps"), [{ name: "refreshes_per_s", label: t("refreshes_good"), color: "--c1", fill: true }, { name: "refreshes_failed_per_s", label: t("refreshes_failed"), color: "--c2" }])}
        </Panel>
        <Panel title={t("keep_alive_lag")}>{chart(t("keep_alive_lag"), [{ name: "keep_alive_lag_ms", label: t("keep_alive_lag"), color: "--c2", fill: true }])}</Panel>
        <Panel title={t("post_dial_delay")}>{chart(t("post_dial_delay"), [{ name: "pdd_ms", label: t("post_dial_delay"), color: "--c4", fill: true }])}</Panel>
      </div>
    </div>
  );
}

function Legend({ items }: { items: [string, string][] }) {
  return <span class="legend">{items.map(([name, text]) => <span><i class={name} />{text}</span>)}</span>;
}

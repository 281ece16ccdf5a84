import { useState } from "preact/hooks";
import { get, Problem, type Finding, type Page } from "../api";
import { number, stamp } from "../format";
import { t, word } from "../language";
import { usePolled } from "../live";
import { follow } from "../router";
import { Icon } from "../ui/icons";
import { Badge, Empty, Failed, Head, type Tone } from "../ui/parts";

const TONES: Record<string, Tone> = { certain: "bad", likely: "warn", possible: "info" };

function Evidence({ finding }: { finding: Finding }) {
  const calls = finding.calls ?? [];
  const said = finding.evidence === undefined ? [] : Array.isArray(finding.evidence) ? finding.evidence : [finding.evidence];
  if (!calls.length && !said.length) return null;
  return (
    <details class="evidence"><summary>{t("doctor_evidence")}</summary>
      <ul>{said.map((one) => <li class="mono small break">{typeof one === "string" ? one : JSON.stringify(one)}</li>)}</ul>
      {calls.length > 0 && <p class="evidence-calls">{calls.slice(0, 12).map((id) => (
        <a class="mono small" href={`/cdrs?id=${encodeURIComponent(id)}`} onClick={follow}>{id}</a>))}</p>}
    </details>
  );
}

export function FindingCard({ finding }: { finding: Finding }) {
  const title = finding.title ?? finding.summary ?? word("finding", finding.name ?? finding.id ?? "");
  const says = finding.text ?? finding.description;
  return (
    <article class="finding">
      <header><span class={`finding-icon ${TONES[finding.confidence ?? "likely"] ?? "info"}`}><Icon name="alarm" size={20} /></span>
        <h2>{title}</h2>
        {finding.count !== undefined && <Badge tone="plain">{t("doctor_times", number(finding.count))}</Badge>}
        {finding.confidence && <Badge tone={TONES[finding.confidence] ?? "info"}>{word("confidence", String(finding.confidence))}</Badge>}</header>
      {says && <p>{says}</p>}
      {(finding.device || finding.since) && <p class="muted">{finding.device}{finding.device && finding.since ? " · " : ""}{finding.since && t("doctor_since", stamp(finding.since))}</p>}
      {finding.remedy && <p class="remedy"><strong>{t("doctor_remedy")}:</strong> {finding.remedy}</p>}
      <Evidence finding={finding} />
    </article>
  );
}

export function Doctor() {
  const [round, set_round] = useState(0);
  const { value, error, at } = usePolled(() => get<Page<Finding>>("doctor"), 30000, [round]);
  const is_absent = error instanceof Problem && (error.status === 404 || error.status === 405);
  return (
    <div class="screen">
      <Head title={t("doctor")} note={value ? t("doctor_looked", stamp(new Date(at).toISOString()).slice(11)) : ""}>
        <button type="button" onClick={() => set_round(round + 1)}>{t("refresh")}</button></Head>
      {is_absent && <Empty icon="doctor" title={t("doctor_absent")} note={t("doctor_absent_note")} />}
      {error && !is_absent && !value && <Failed error={error} />}
      {value && !value.items.length && <div class="quiet-sky large"><span><Icon name="check" size={24} /></span><div><strong>{t("doctor_healthy")}</strong><p>{t("doctor_healthy_note")}</p></div></div>}
      <div class="findings">{value?.items.map((finding) => <FindingCard finding={finding} />)}</div>
    </div>
  );
}

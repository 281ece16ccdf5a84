import { useRef, useState } from "preact/hooks";
import { get, Problem, type Finding, type Opinion } from "../api";
import { number, percent, stamp } from "../format";
import { said, t } from "../language";
import { usePolled } from "../live";
import { language } from "../preferences";
import { follow } from "../router";
import { chinese_findings, chinese_seen } from "../text/zh";
import { Icon } from "../ui/icons";
import { Badge, Empty, Failed, Head, type Tone } from "../ui/parts";

const CALLS_SHOWN = 8;
/** What left no record is named by its Call-ID. */
const is_record = (id: string) => /^[0-9a-f]{30}$/.test(id);
const SAYS_MORE = /^(record_|late_round)/;
const tone_of = (finding: Finding): Tone => (finding.confidence_percent >= 90 ? "bad" : finding.confidence_percent >= 70 ? "warn" : "info");

/** What the finding rests on, in a sentence. */
function Detail({ finding: { detail, seen, numbers, words } }: { finding: Finding }) {
  const translated = language.get() === "zh" && chinese_seen[seen ?? ""];
  if (!detail) return null;
  if (!translated) return <p class="finding-detail">{detail}</p>;
  const said_so = translated.replace(/\{(\d)\}/g, (_, i) => String(numbers?.[+i] ?? "")).replace("{words}", words ?? "");
  // What a record or a round says in its own words is more than the translation has.
  return <><p class="finding-detail">{said_so}</p>{SAYS_MORE.test(seen!) && <p class="muted small">{said(detail.replace(/\.?$/, "."))}</p>}</>;
}

export function FindingCard({ finding, brief = false }: { finding: Finding; brief?: boolean }) {
  const { title, meaning, remedy } = (language.get() === "zh" && chinese_findings[finding.diagnosis]) || finding;
  return (
    <article class="finding">
      <header><span class={`finding-icon ${tone_of(finding)}`}><Icon name="alarm" size={20} /></span>
        <h2>{title}</h2>
        {finding.subject && <strong class="mono">{finding.subject}</strong>}
        {!brief && <Badge>{finding.count === 1 ? t("doctor_once") : t("doctor_times", number(finding.count))}</Badge>}
        <Badge tone={tone_of(finding)}>{t("doctor_confidence", percent(finding.confidence_percent).replace(".0", ""))}</Badge></header>
      <Detail finding={finding} />
      {finding.meaning && <p class="muted">{meaning}</p>}
      <p class="remedy"><strong>{t("doctor_remedy")}:</strong> {remedy}</p>
      {!brief && <p class="muted small">{finding.since && t("doctor_since", stamp(finding.since))}{finding.latest && finding.latest !== finding.since && `, ${t("doctor_latest", stamp(finding.latest))}`}</p>}
      {!brief && !!finding.calls?.length && <p class="evidence-calls"><span class="muted small">{t("doctor_evidence")}:</span>{finding.calls.slice(0, CALLS_SHOWN).map((id) => (
        <a class="mono small" href={is_record(id) ? `/cdrs?id=${id}` : `/trace?call=${encodeURIComponent(id)}&minutes=1440`} onClick={follow}>{id}</a>))}</p>}
    </article>
  );
}

/** Reading the records and the recorder of hours is work: the switch says what it found last, and looks again meanwhile. */
export function Doctor() {
  const [is_looking, set_looking] = useState(true);
  const again = useRef(false);
  const { value: latest, error, again: ask_again } = usePolled(async () => {
    const opinion = await get<Opinion>(`doctor?latest=1${again.current ? "&again=1" : ""}`);
    again.current = false;
    set_looking(!!opinion.is_looking);
    return opinion;
  }, is_looking ? 700 : 0);
  const value = latest?.looked_at ? latest : undefined;
  const is_absent = error instanceof Problem && (error.status === 404 || error.status === 405);
  const looked = value?.looked_at;
  return (
    <div class="screen">
      <Head title={t("doctor")} note={looked ? t("doctor_looked", stamp(looked.at).slice(11)) : ""}>
        <button type="button" disabled={is_looking && !error} onClick={() => { again.current = true; set_looking(true); ask_again(); }}>{t("refresh")}</button></Head>
      {is_looking && !error && <p class="muted looking" role="status">{t("doctor_looking")}</p>}
      {is_absent && <Empty icon="doctor" title={t("doctor_absent")} note={t("doctor_absent_note")} />}
      {error && !is_absent && !value && <Failed error={error} />}
      {value && !value.items.length && <div class="quiet-sky large"><span><Icon name="check" size={24} /></span><div><strong>{t("doctor_healthy")}</strong><p>{t("doctor_healthy_note")}</p></div></div>}
      <div class="findings">{value?.items.map((finding) => <FindingCard finding={finding} />)}</div>
      {looked && <p class="muted small looked">{t("doctor_looked_at", number(looked.calls), number(looked.messages), stamp(looked.since))}</p>}
    </div>
  );
}

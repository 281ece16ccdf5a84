import { language } from "./preferences";
import { t } from "./language";

const locale = () => (language.get() === "zh" ? "zh-CN" : "en-GB");

export function number(value: number | null | undefined, digits = 0): string {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  return value.toLocaleString(locale(), { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export function percent(value: number | null | undefined): string {
  return value === null || value === undefined ? "–" : `${number(value, 1)}%`;
}

const two = (n: number) => String(n).padStart(2, "0");

/** 0:07, 12:34, 3:02:01 */
export function clock(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return "–";
  const s = Math.max(0, Math.floor(seconds));
  const h = Math.floor(s / 3600), m = Math.floor((s % 3600) / 60);
  return h ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}

/** "2 d 4 h", "35 s": two units at most. */
export function span(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return t("span_s", s);
  if (s < 3600) return t("span_m", Math.floor(s / 60));
  if (s < 86400 && s % 3600 === 0) return t("span_hours", s / 3600);
  if (s < 86400) return t("span_h", Math.floor(s / 3600), Math.floor((s % 3600) / 60));
  return t("span_d", Math.floor(s / 86400), Math.floor((s % 86400) / 3600));
}

export function ago(stamp: string | null | undefined, now: number): string {
  if (!stamp) return "–";
  return t("ago", span((now - Date.parse(stamp)) / 1000));
}

/** In the operator's own time zone. */
export function stamp(text: string | null | undefined, with_ms = false): string {
  if (!text) return "–";
  const d = new Date(text);
  const day = `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
  const time = `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
  return `${day} ${time}${with_ms ? `.${String(d.getMilliseconds()).padStart(3, "0")}` : ""}`;
}

export function time_of_day(text: string): string {
  return stamp(text).slice(11);
}

export function milliseconds(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  return value < 1000 ? `${number(value)} ms` : `${number(value / 1000, 2)} s`;
}

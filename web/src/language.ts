import { english, type Texts } from "./text/en";
import { chinese } from "./text/zh";
import { language } from "./preferences";

export type Text = keyof Texts;

/** The text of that name in the operator's language; `{0}` stands for the first value. */
export function t(name: Text, ...values: (string | number)[]): string {
  const text = (language.get() === "zh" ? chinese : english)[name];
  return values.length ? text.replace(/\{(\d)\}/g, (_, i) => String(values[+i])) : text;
}

/** The text `prefix_word` where there is one, else the word itself as it came from the switch. */
export function word(prefix: string, value: string | null | undefined): string {
  if (!value) return "–";
  const name = `${prefix}_${value.replace(/-/g, "_")}` as Text;
  return name in english ? t(name) : value.replace(/_/g, " ");
}

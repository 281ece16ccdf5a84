import { english, type Texts } from "./text/en";
import { allowed_in_chinese, chinese } from "./text/zh";
import { chinese_parts, chinese_sentences } from "./text/zh_sentences";
import { language } from "./preferences";

export type Text = keyof Texts;

/** The text of that name in the operator's language; `{0}` stands for the first value. */
export function t(name: Text, ...values: (string | number)[]): string {
  const text = (language.get() === "zh" ? chinese : english)[name];
  return values.length ? text.replace(/\{(\d)\}/g, (_, i) => String(values[+i])) : text;
}

let parameter_texts: Record<string, [summary: string, description: string]> = {};

/** Comes when `in_words` can speak the operator's language: long texts are loaded where they are needed. */
export async function learn_parameters(): Promise<void> {
  if (language.get() !== "zh") return;
  // Without it the switch's own English stands there.
  await import("./text/zh_parameters").then((found) => { parameter_texts = found.chinese_parameters; }, () => {});
}

/** A parameter's line and paragraph; the switch's own where there is none in the operator's language. */
export function in_words(parameter: { name: string; summary: string; description: string }): [summary: string, description: string] {
  return (language.get() === "zh" && parameter_texts[parameter.name]) || [parameter.summary, parameter.description];
}

/** The text `prefix_word` where there is one, else the word itself as it came from the switch. */
export function word(prefix: string, value: string | null | undefined): string {
  if (!value) return "–";
  const name = `${prefix}_${value.replace(/-/g, "_")}` as Text;
  return name in english ? t(name) : value.replace(/_/g, " ");
}

type Pattern = [fits: RegExp, text: string];
const patterns_of = (texts: Record<string, string>): Pattern[] => Object.entries(texts).map(([pattern, text]) =>
  [new RegExp(`^${pattern.replace(/[.*+?^$()|[\]\\]/g, "\\$&").replace(/\{\d\}/g, "(.+?)")}$`, "s"), text]);
let sentences: Pattern[] | null = null;
let parts: Pattern[];

function translate(said_so: string, patterns: Pattern[]): string {
  for (const [fits, text] of patterns) {
    const values = fits.exec(said_so);
    if (!values) continue;
    return text.replace(/\{(\d)\}/g, (_, i) => {
      const value = values[+i + 1]!;
      return text.endsWith("允许的值：{2}") && i === "2" ? allowed_in_chinese(value) : translate(value, parts);
    });
  }
  const name = ["note", "side", "cause", "reason"].map((prefix) => `${prefix}_${said_so}`).find((one) => one in english);
  return name && patterns === parts ? t(name as Text) : said_so;
}

/** What the switch says in sentences of its own, in the operator's language; in English where there is no text for it. */
export function said(words: string | null | undefined): string {
  if (!words || language.get() !== "zh") return words ?? "";
  sentences ??= patterns_of(chinese_sentences);
  parts ??= patterns_of(chinese_parts);
  return words.split(/(?<=\.) (?=[A-Z0-9])/).map((sentence) => {
    const found = translate(sentence, sentences!), bare = sentence.replace(/\.$/, "");
    return found !== sentence || bare === sentence ? found : translate(bare, parts).replace(bare, sentence).replace(/([\u4e00-\u9fff）])$/, "$1。");
  }).join("");
}

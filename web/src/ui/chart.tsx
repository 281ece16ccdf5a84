// Graphs over time (uPlot), and small lines beside figures.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { History } from "../api";
import { theme } from "../preferences";
import { useStore } from "../store";

export interface Line { name: string; label: string; color: string; fill?: boolean }
interface Props { history: History; lines: Line[]; label: string; height?: number; max?: number }

const color = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function data_of(history: History, lines: Line[]): uPlot.AlignedData {
  const count = history.series[lines[0].name]?.length ?? 0;
  const end = Date.parse(history.ended_at) / 1000;
  const times = Array.from({ length: count }, (_, i) => end - (count - 1 - i) * history.step_s);
  return [times, ...lines.map((line) => history.series[line.name] ?? [])] as uPlot.AlignedData;
}

export function Chart({ history, lines, label, height = 190, max }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const present_theme = useStore(theme);

  useEffect(() => {
    const element = place.current!;
    const axis = { stroke: color("--muted"), grid: { stroke: color("--line"), width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
    const options: uPlot.Options = {
      width: element.clientWidth, height, legend: { show: false }, cursor: { y: false, points: { size: 6 } }, padding: [8, 26, 0, 0],
      scales: { x: { time: true }, y: { range: (_u, _low, high) => [0, max ?? Math.max(1, (high ?? 1) * 1.15)] } },
      axes: [{ ...axis, size: 28, space: 70, values: (_u, ticks) => ticks.map((tick) => {
        const d = new Date(tick * 1000);
        const far = history.step_s >= 600;
        const near = (ticks.at(-1)! - ticks[0]) < 480;
        if (near) return d.toTimeString().slice(0, 8);
        return far ? `${d.getMonth() + 1}/${d.getDate()} ${String(d.getHours()).padStart(2, "0")}h` : `${String(d.getHours()).padStart(2, "0")}:${String(d.getMinutes()).padStart(2, "0")}`;
      }) }, { ...axis, size: 44, space: 34 }],
      series: [{}, ...lines.map((line) => ({
        label: line.label, stroke: color(line.color), width: 1.75, points: { show: false },
        fill: line.fill ? `${color(line.color)}22` : undefined,
      }))],
    };
    plot.current = new uPlot(options, data_of(history, lines), element);
    const observer = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [present_theme, height, history.step_s]);

  useEffect(() => plot.current?.setData(data_of(history, lines)), [history]);

  return <div class="chart" ref={place} role="img" aria-label={label} />;
}

export function Spark({ values, color: name }: { values: (number | null)[]; color: string }) {
  const known = values.map((value) => value ?? 0).slice(-120);
  if (known.length < 2) return null;
  const high = Math.max(...known, 1e-9);
  const points = known.map((value, i) => `${((i / (known.length - 1)) * 100).toFixed(1)},${(23 - (value / high) * 21).toFixed(1)}`);
  return (
    <svg class="spark" viewBox="0 0 100 24" preserveAspectRatio="none" aria-hidden="true">
      <polygon points={`0,24 ${points.join(" ")} 100,24`} class={`spark-area ${name}`} />
      <polyline points={points.join(" ")} class={`spark-line ${name}`} vector-effect="non-scaling-stroke" />
    </svg>
  );
}

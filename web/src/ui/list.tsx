// A table of any length: only the rows in sight are in the page, and of a part only those are fetched. On a narrow screen each row is a card.
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { t } from "../language";
import { useMedia } from "./parts";

export interface Column<Row> {
  name: string;
  title: string;
  width: string; // of a grid's track
  show: (row: Row) => ComponentChildren;
  by?: (row: Row) => string | number; // what it is sorted by
  right?: boolean;
}
interface Props<Row> {
  label: string;
  rows: Row[];
  columns: Column<Row>[];
  card: (row: Row) => ComponentChildren;
  card_height: number;
  row_height?: number;
  open?: (row: Row) => void;
  sorted?: string; // at first; "-name": downwards
  footer?: ComponentChildren;
  part?: Part;
}
/** Of a list too long to be fetched: `rows` are those from `offset` on, of `total`, in an order that who has them makes. */
export interface Part {
  offset: number;
  total: number;
  onView: (first: number, count: number) => void; // what is in sight, and a little more
  onSort: (sort: string) => void;
}

const BEYOND = 6; // rows kept above and below what is in sight
const collator = new Intl.Collator(undefined, { numeric: true });

export function List<Row>(props: Props<Row>) {
  const is_narrow = useMedia("(max-width: 760px)");
  const height = is_narrow ? props.card_height : (props.row_height ?? 44);
  const [sort, set_sort] = useState(props.sorted ?? "");
  const [view, set_view] = useState({ top: 0, height: 600, across: 0 });
  const body = useRef<HTMLDivElement>(null);
  const wanted = useRef<number | null>(null);

  useLayoutEffect(() => {
    const element = body.current!;
    const measure = () => set_view({ top: element.scrollTop, height: element.clientHeight, across: element.closest(".list")!.clientWidth });
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const { part } = props;
  const rows = useMemo(() => {
    if (part) return props.rows;
    const by = props.columns.find((column) => column.name === sort.replace("-", ""))?.by;
    if (!by) return props.rows;
    const sign = sort.startsWith("-") ? -1 : 1;
    return [...props.rows].sort((a, b) => {
      const x = by(a), y = by(b);
      return sign * (typeof x === "number" && typeof y === "number" ? x - y : collator.compare(String(x), String(y)));
    });
  }, [props.rows, sort]);

  const total = part ? part.total : rows.length, offset = part ? part.offset : 0;
  const first = Math.max(0, Math.floor(view.top / height) - BEYOND);
  const last = Math.min(total, Math.ceil((view.top + view.height) / height) + BEYOND);
  useEffect(() => part?.onView(first, Math.ceil(view.height / height) + 2 * BEYOND), [first, view.height, height]);
  // A row that leaves the sight lends its elements to one that enters: a jump changes texts instead of building rows.
  const slots = Math.ceil(view.height / height) + 2 * BEYOND + 1;
  // What all columns need at least: beneath that the table is moved sideways.
  const least = props.columns.reduce((sum, column) => sum + Number(/\d+/.exec(column.width)![0]) + 16, 16);
  const template = { gridTemplateColumns: props.columns.map((column) => column.width).join(" ") };

  useEffect(() => {
    if (wanted.current === null) return;
    body.current?.querySelector<HTMLElement>(`[data-index="${wanted.current}"] .open`)?.focus();
    wanted.current = null;
  });

  const walk = (event: KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    const at = (event.target as HTMLElement).closest<HTMLElement>("[data-index]");
    if (!step || !at) return;
    const next = Number(at.dataset.index) + step;
    if (next < 0 || next >= total) return;
    event.preventDefault();
    wanted.current = next;
    const element = body.current!;
    if (next * height < element.scrollTop) element.scrollTop = next * height;
    if ((next + 1) * height > element.scrollTop + element.clientHeight)
      element.scrollTop = (next + 1) * height - element.clientHeight;
    set_view((now) => ({ ...now, top: element.scrollTop, height: element.clientHeight }));
  };

  return (
    <div class={`list ${is_narrow ? "cards" : ""}`} role="table" aria-label={props.label} aria-rowcount={total + 1}
      style={{ maxHeight: `${total * height + (is_narrow ? 2 : view.across < least + 16 ? 56 : 41) + (props.footer ? 68 : 0)}px` }}>
      <div role="presentation" class="list-across"><div role="presentation" class="list-inner" style={is_narrow ? {} : { minWidth: `${least + 16}px` }}>
      <div role="rowgroup" class="list-head">
        <div role="row" aria-rowindex={1} class="list-row" style={template}>
          {props.columns.map((column) => {
            const is_sorted = sort.replace("-", "") === column.name;
            const direction = is_sorted ? (sort.startsWith("-") ? "descending" : "ascending") : undefined;
            return (
              <div role="columnheader" class={column.right ? "right" : ""} aria-sort={column.by ? direction ?? "none" : undefined}>
                {column.by ? (
                  <button type="button" class="sort" title={t("sort_by", column.title)}
                    onClick={() => {
                      const next = is_sorted && !sort.startsWith("-") ? `-${column.name}` : column.name;
                      set_sort(next);
                      part?.onSort(next);
                    }}>
                    {column.title}<span aria-hidden="true">{is_sorted ? (sort.startsWith("-") ? " ↓" : " ↑") : ""}</span>
                  </button>
                ) : column.title || <span class="unseen">{t("more")}</span>}
              </div>
            );
          })}
        </div>
      </div>
      <div role="rowgroup" class="list-body" ref={body} tabIndex={0} onKeyDown={walk}
        onScroll={({ currentTarget: { scrollTop: top, clientHeight: height } }) => set_view((now) => ({ ...now, top, height }))}>
        <div role="presentation" style={{ height: `${total * height}px`, position: "relative" }}>
          {Array.from({ length: Math.max(0, last - first) }, (_, i) => rows[first + i - offset]).map((row, i) => (
            <div role="row" aria-rowindex={first + i + 2} data-index={first + i} key={(first + i) % slots}
              class={`list-row ${props.open && row ? "opens" : ""}`} aria-busy={row ? undefined : true}
              style={{ ...(is_narrow ? {} : template), height: `${height}px`, transform: `translateY(${(first + i) * height}px)` }}
              onClick={(event) => row && props.open && !(event.target as HTMLElement).closest("button,a") && props.open(row)}>
              {!row ? <div role="cell" class="muted">…</div> : is_narrow
                ? <div role="cell" class="card-cell">{props.card(row)}</div>
                : props.columns.map((column) => <div role="cell" class={column.right ? "right" : ""}>{column.show(row)}</div>)}
            </div>
          ))}
        </div>
        {props.footer && <div role="row" class="list-footer"><div role="cell">{props.footer}</div></div>}
      </div>
      </div></div>
    </div>
  );
}

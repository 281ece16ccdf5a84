// Line icons, drawn for this console on a grid of 24.
const PATHS: Record<string, string> = {
  overview: "M4 13h6V4H4zM14 20h6v-9h-6zM4 20h6v-4H4zM14 8h6V4h-6z",
  calls: "M6.5 4h3l1.500 4-2 1.500a11 11 0 0 0 5.500 5.500l1.500-2 4 1.500v3a2 2 0 0 1-2 2A15 15 0 0 1 4.500 6a2 2 0 0 1 2-2z",
  registrations: "M5 12.500a10 10 0 0 1 14 0M8 15.500a6 6 0 0 1 8 0M2.500 9a14 14 0 0 1 19 0M12 19h.01",
  mapping: "M4 12h11m-4-4 4 4-4 4M19 5v14",
  routing: "M9 12h11m-4-4 4 4-4 4M5 5v14",
  phones: "M8 3h8a1 1 0 0 1 1 1v16a1 1 0 0 1-1 1H8a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1zM11 18h2",
  cdrs: "M6 3h9l4 4v14H6zM15 3v4h4M9 12h7M9 16h7",
  trace: "M5 4v16M19 4v16M6 8h11m-3-3 3 3-3 3M18 16H8m3-3-3 3 3 3",
  doctor: "M3 12h4l2.500-6 4 12 2.500-6h5",
  parameters: "M4 7h9M17 7h3M4 17h3M11 17h9M15 5v4M9 15v4",
  users: "M9 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM3 20a6 6 0 0 1 12 0M16 5a3 3 0 0 1 0 6M17.500 14.500A5.500 5.500 0 0 1 21 20",
  audit: "M12 7v5l3 2M12 21a9 9 0 1 0-9-9M3 5v4h4",
  menu: "M4 7h16M4 12h16M4 17h16",
  close: "M6 6l12 12M18 6 6 18",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M4.900 4.900l1.400 1.400M17.700 17.700l1.400 1.400M2 12h2M20 12h2M4.900 19.100l1.400-1.400M17.700 6.300l1.400-1.400",
  moon: "M20 14.500A8 8 0 0 1 9.500 4a8 8 0 1 0 10.500 10.500z",
  out: "M14 4h5v16h-5M4 12h11m-4-4 4 4-4 4",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM16 16l5 5",
  plus: "M12 5v14M5 12h14",
  edit: "M5 19l1-4L16 5l3 3L9 18zM14 7l3 3",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  hang_up: "M6.5 4h3l1.500 4-2 1.500a11 11 0 0 0 5.500 5.500l1.500-2 4 1.500v3a2 2 0 0 1-2 2A15 15 0 0 1 4.500 6a2 2 0 0 1 2-2z",
  check: "M5 12.500l4.500 4.500L19 7.500",
  alarm: "M12 4l9 16H3zM12 10v4M12 17h.01",
  download: "M12 4v11m-4-4 4 4 4-4M5 20h14",
  key: "M14.500 9.500a4 4 0 1 0-3.500 4l1.500 1.500H15v2.500h2.500V20H21v-3.500l-6.500-5z",
  lock: "M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 0 1 7 0v3",
  arrow: "M5 12h14m-5-5 5 5-5 5",
};

export function Icon({ name, size = 18 }: { name: keyof typeof PATHS | string; size?: number }) {
  return (
    <svg class={`icon ${name === "hang_up" ? "hang-up" : ""}`} width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.7"
      stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

export function Bell({ size = 34 }: { size?: number }) {
  return (
    <svg class="bell" width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" class="bell-tower" />
      <path class="bell-body" d="M16 6.200a1.700 1.700 0 0 1 1.700 1.700v.5c3 .7 5 3.300 5 6.600v3.700l1.700 2.600c.5.800 0 1.700-1 1.700H8.600c-1 0-1.500-.9-1-1.700l1.700-2.600V15c0-3.300 2-5.900 5-6.600v-.5A1.700 1.700 0 0 1 16 6.200z" />
      <path class="bell-clapper" d="M13.200 24.300h5.600a2.800 2.800 0 0 1-5.600 0z" />
    </svg>
  );
}

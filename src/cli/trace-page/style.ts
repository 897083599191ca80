/** Colours of services in light and in dark, in the order in which services appear. Red stays for errors. */
const serviceColours = [
  ['#0e7490', '#22d3ee'],
  ['#a16207', '#facc15'],
  ['#a21caf', '#e879f9'],
  ['#15803d', '#4ade80'],
  ['#1d4ed8', '#60a5fa'],
  ['#0f766e', '#5eead4'],
  ['#c2410c', '#fb923c'],
  ['#7e22ce', '#c084fc'],
  ['#4d7c0f', '#a3e635'],
  ['#4338ca', '#a5b4fc'],
] as const;

export const colourCount = serviceColours.length;

const variables = (theme: 0 | 1): string =>
  serviceColours.map((pair, index) => `--c${String(index)}:${pair[theme]}`).join(';');

/** Everything that the page looks like. Nothing is loaded: system fonts, no pictures. */
export const pageStyle = `
:root{color-scheme:light dark;--bg:#fff;--fg:#1f2328;--dim:#59636e;--line:#d1d9e0;--error:#c1121f;${variables(0)}}
@media (prefers-color-scheme:dark){:root{--bg:#0d1117;--fg:#e6edf3;--dim:#9198a1;--line:#30363d;--error:#ff7b72;${variables(1)}}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:90rem;padding:1rem;background:var(--bg);color:var(--fg);font:14px/1.5 system-ui,sans-serif}
h1{margin:0;font-size:1.25rem;overflow-wrap:anywhere}
p{margin:.2rem 0;color:var(--dim);overflow-wrap:anywhere}
code,.ms{font-family:ui-monospace,monospace}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1rem;margin:.6rem 0;padding:0;list-style:none}
.legend li::before{content:"";display:inline-block;width:.8em;height:.8em;margin-right:.4em;border-radius:2px;background:var(--c)}
.error{color:var(--error)}
.note{color:var(--dim)}
details{border-top:1px solid var(--line)}
summary{display:grid;grid-template-columns:minmax(12rem,2fr) 3fr 5.5rem;gap:.6rem;align-items:center;cursor:pointer;list-style:none}
summary::-webkit-details-marker{display:none}
summary:hover{background:color-mix(in srgb,var(--c) 12%,transparent)}
summary:focus-visible{outline:2px solid var(--c);outline-offset:-2px}
.name{overflow:hidden;padding-left:calc(var(--d)*.8rem);text-overflow:ellipsis;white-space:nowrap}
.service{color:var(--c)}
.track{position:relative;height:.9rem}
.track i{position:absolute;top:.3rem;height:.3rem;min-width:2px;border-radius:1px;background:var(--c)}
.track .critical{top:0;height:.9rem}
.failed .track i{background:var(--error)}
.ms{text-align:right;white-space:nowrap}
dl{display:grid;grid-template-columns:minmax(8rem,max-content) 1fr;gap:.1rem 1rem;margin:.3rem 0 .6rem calc(var(--d)*.8rem);font-size:13px}
dt{color:var(--dim)}
dd{margin:0;overflow-wrap:anywhere}
footer{margin-top:1rem}
@media (max-width:40rem){summary{grid-template-columns:1fr 5.5rem}.track{grid-column:1/-1;grid-row:2}}
`;

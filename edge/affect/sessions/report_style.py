"""How the end report looks, on a screen and on paper. It needs no script, and forbids every one."""

from typing import Final

CONTENT_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
STYLE: Final = """
:root{color-scheme:light;font:15px/1.5 system-ui,sans-serif;color:#1c2330;background:#eef1f5}
body{margin:0}main{max-width:1000px;margin:24px auto;padding:28px 36px;background:#fff;border-radius:10px}
h1{font-size:22px;margin:0 0 16px;overflow-wrap:anywhere}h1+.note{margin:-12px 0 16px}
h2{font-size:16px;margin:26px 0 8px}
.facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(280px,1fr));gap:8px 24px;margin:0}
.facts dt{font-size:12px;color:#5a6577}.facts dd{margin:0;overflow-wrap:anywhere}
svg{display:block;width:100%;height:auto}svg text{font-size:11px;fill:#5a6577}
.grid{stroke:#dde2ea;stroke-width:1}.gap{fill:#f1f3f7;stroke:#c9d0db;stroke-dasharray:2 3}
.partial{stroke:#1c2330;stroke-width:1;stroke-dasharray:3 2}.flag{fill:#1c2330;stroke:#1c2330;stroke-width:1}
.line{fill:none;stroke-width:1.8;stroke-linejoin:round;stroke-linecap:round;stroke:#2c5fa8}
.arousal{stroke:#b2452f}.change{stroke:#7a3fa0}.quality{stroke:#3b7d4d}
.trace{stroke:#1c2330;stroke-width:1}
.dot{fill:#1c2330;fill-opacity:.75}
figure{margin:8px 0 14px;break-inside:avoid}figcaption{font-size:13px;color:#3b4557;margin-bottom:2px}
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;margin:6px 0;font-size:13px}
.swatch svg{display:inline-block;width:12px;height:12px;margin-right:6px;vertical-align:-1px}
.note{font-size:13px;color:#5a6577;margin:4px 0}
table{border-collapse:collapse;width:100%;font-size:13px}th{text-align:left;color:#5a6577;font-weight:600}
th,td{padding:4px 10px 4px 0;border-bottom:1px solid #e4e8ee;vertical-align:top}
td{overflow-wrap:anywhere;white-space:pre-line}
td:is(:nth-child(1),:nth-child(2),:nth-child(4)):not(:last-child){overflow-wrap:normal}
@media(max-width:640px){main{margin:0;padding:16px;border-radius:0}}
@media print{:root{background:#fff;font-size:11pt}main{margin:0;padding:0;max-width:none}
h2{break-after:avoid}tr{break-inside:avoid}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""

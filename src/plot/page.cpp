#include "plot/page.h"

#include <fmt/format.h>

namespace galley::plot {
namespace {

constexpr const char* kStyle = R"(
:root{color-scheme:light dark;--bg:#fff;--ink:#1b2330;--dim:#5d6878;--rule:#dfe4ea;--card:#f6f8fa;
--c0:#0b65c2;--c1:#d1570a;--c2:#0a8f6a;--c3:#b5479f;--c4:#8a6d00;--c5:#2aa0c8;--c6:#7a4fd0;--c7:#5d6878}
@media screen and (prefers-color-scheme:dark){:root{--bg:#11161d;--ink:#e6ebf2;--dim:#98a4b5;--rule:#2a333f;--card:#1a212b;
--c0:#5aa9f7;--c1:#f79a4f;--c2:#3fc79b;--c3:#e48ad2;--c4:#d9bb3c;--c5:#66cdee;--c6:#b196f5;--c7:#98a4b5}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1120px;margin:0 auto;padding:28px 20px 60px}
h1{font-size:26px;margin:0 0 4px;overflow-wrap:anywhere}h2{font-size:17px;margin:34px 0 2px}
p{margin:2px 0 10px;color:var(--dim);max-width:78ch}.lead{color:var(--ink);font-size:17px}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:6px 8px;vertical-align:bottom;text-align:right;border-bottom:1px solid var(--rule)}
td{white-space:nowrap}
th{font-weight:600;color:var(--dim);font-size:13px}th:first-child,td:first-child{text-align:left}
tr.us td{font-weight:650;background:var(--card)}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,480px),1fr));gap:8px 28px}
svg{width:100%;max-width:760px;height:auto;display:block}
svg text{font-size:14px;fill:var(--dim)}svg .title{fill:var(--ink)}svg .small{font-size:12px}
.grid{stroke:var(--rule)}polyline{fill:none;stroke-width:1.8;stroke-linejoin:round}
.whisker{stroke-width:1.4;opacity:.8;fill:none}.over{stroke:var(--ink)}.dot{stroke:none;fill-opacity:.75}
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;padding:10px 0;background:var(--bg)}
.legend i{display:inline-block;width:12px;height:12px;border-radius:3px;margin-right:6px;vertical-align:-1px}
.cell{stroke:var(--bg);stroke-width:2}.none{fill:var(--card)}.refused{fill:var(--rule)}.cross{stroke:var(--dim);stroke-width:1.2}
svg .in{font-size:12px;fill:var(--ink)}
@media(max-width:560px){main{padding:18px 14px 40px}svg text{font-size:17px}svg .in{font-size:15px}}
@media print{main{max-width:none;padding:0}.legend{position:static}section{break-inside:avoid-page}.wide{overflow:visible}
tr{break-inside:avoid}}
)";

}  // namespace

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string page_style() {
  std::string css = kStyle;
  for (std::size_t i = 0; i < kColours; ++i)
    css += fmt::format(
        ".c{0}{{stroke:var(--c{0})}}.b{0}{{fill:var(--c{0})}}.k{0}{{background:"
        "var(--c{0})}}\n",
        i);
  return css;
}

std::string open_page(std::string_view title, std::string_view more_style) {
  return fmt::format(
      "<!doctype html><html lang=en><meta charset=utf-8>"
      "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src "
      "'unsafe-inline'\"><meta name=viewport content=\"width=device-width\">"
      "<title>{}</title><style>{}{}</style><main>",
      escaped(title), page_style(), more_style);
}

}  // namespace galley::plot

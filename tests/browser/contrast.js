// Every piece of text with the colour it stands on: the nearest background below it that is not transparent.
() => {
  const rgb = c => { const m = c.match(/[\d.]+/g).map(Number); return {r: m[0], g: m[1], b: m[2], a: m.length > 3 ? m[3] : 1} };
  const lum = c => { const f = v => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4 }; return 0.2126*f(c.r) + 0.7152*f(c.g) + 0.0722*f(c.b) };
  const over = (top, under) => ({r: top.r*top.a + under.r*(1-top.a), g: top.g*top.a + under.g*(1-top.a), b: top.b*top.a + under.b*(1-top.a), a: 1});
  const spot = node => { const box = node.getBoundingClientRect(); return [box.left + box.width / 2, box.top + box.height / 2] };
  const holds = (n, [x, y]) => { const box = n.getBoundingClientRect(); return box.left <= x && x <= box.right && box.top <= y && y <= box.bottom };
  const back = node => { const layers = [], at = spot(node); for (let n = node; n; n = n.parentElement) { if (!holds(n, at) && n !== document.body) continue; const c = rgb(getComputedStyle(n).backgroundColor); if (c.a > 0) { layers.push(c); if (c.a === 1) break } }
    return layers.reverse().reduce((under, top) => over(top, under), {r: 255, g: 255, b: 255, a: 1}) };
  const bar = document.querySelector('[data-testid=stSidebar]'), away = node => bar && bar.contains(node) && bar.getBoundingClientRect().right < 100;
  const found = {};
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode.textContent.trim(), node = walk.currentNode.parentElement;
    if (!text || !node || away(node) || (node.closest('details:not([open])') && !node.closest('summary')) || node.closest('style, script, noscript, [data-testid=stIconMaterial], svg') || node.closest(':disabled, [aria-disabled=true], [disabled]')) continue;
    const box = node.getBoundingClientRect(), style = getComputedStyle(node);
    if (!box.width || !box.height || style.visibility === 'hidden' || style.opacity === '0' || parseFloat(style.fontSize) === 0) continue;
    const under = back(node), ink = over(rgb(style.color), under), a = lum(ink), b = lum(under);
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found[style.color + ' on ' + JSON.stringify(under)] = text.slice(0, 30) + ' ' + ratio.toFixed(2);
  }
  for (const node of document.querySelectorAll('.js-plotly-plot text')) {
    if (!node.textContent.trim()) continue;
    const ink = rgb(getComputedStyle(node).fill), onBar = node.classList.contains('bartext') || node.closest('.bartext, .slicetext');
    if (onBar || ink.a === 0) continue;
    const a = lum(over(ink, {r: 255, g: 255, b: 255})), ratio = 1.05 / (a + 0.05);
    if (ratio < 4.5) found['chart ' + getComputedStyle(node).fill] = node.textContent.slice(0, 30) + ' ' + ratio.toFixed(2);
  }
  return found }

// Text that is cut by its own box, and own blocks that lie on each other.
() => {
  const bar = document.querySelector('[data-testid=stSidebar]'), away = node => bar && bar.contains(node) && bar.getBoundingClientRect().right < 100;
  const wrong = [], closed = node => (node.closest('details:not([open])') && !node.closest('summary')) || away(node);
  for (const node of document.querySelectorAll('[data-testid=stMain] *, [data-testid=stSidebar] *, [data-testid=stHeader] *')) {
    if (closed(node) || node.children.length || !node.textContent.trim() || node.closest('svg, style, script, [data-testid=stIconMaterial], canvas, [data-testid=stPopoverBody], pre')) continue;
    const style = getComputedStyle(node), box = node.getBoundingClientRect();
    if (!box.width || !box.height || style.visibility === 'hidden' || style.position === 'absolute') continue;
    const clipped = style.overflowX !== 'visible' && node.scrollWidth > node.clientWidth + 1 && style.overflowX !== 'auto' && style.overflowX !== 'scroll';
    const dots = node.closest('[data-testid=stMetric], [data-testid=stMain] label, [data-testid=stMain] button') && [node.parentElement, node.parentElement.parentElement, node]
      .some(one => getComputedStyle(one).textOverflow === 'ellipsis' && getComputedStyle(one).overflowX === 'hidden' && one.scrollWidth > one.clientWidth + 1);
    if (clipped || dots) wrong.push('cut: ' + node.textContent.trim().slice(0, 40));
  }
  const view = document.querySelector('[data-testid=stMain]').getBoundingClientRect();
  for (const node of document.querySelectorAll('[data-testid=stMain] .fs-tag, [data-testid=stMain] .fs-headline, [data-testid=stMain] button, [data-testid=stMain] .fs-title')) {
    const box = node.getBoundingClientRect();
    if (box.width && node.textContent.trim() && (box.right > view.right + 1 || box.left < view.left - 1)) wrong.push('beyond the edge: ' + node.textContent.trim().slice(0, 40));
  }
  const blocks = [...document.querySelectorAll('[data-testid=stMain] .fs-tag, [data-testid=stMain] [data-testid=stMetric], [data-testid=stMain] .stButton button, [data-testid=stMain] .fs-headline, [data-testid=stSidebar] button')]
    .map(node => [node, node.getBoundingClientRect()]).filter(([node, box]) => box.width && box.height && !closed(node));
  for (let i = 0; i < blocks.length; i++) for (let j = i + 1; j < blocks.length; j++) {
    const [a, p] = blocks[i], [b, q] = blocks[j];
    if (a.contains(b) || b.contains(a)) continue;
    const w = Math.min(p.right, q.right) - Math.max(p.left, q.left), h = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
    if (w > 2 && h > 2) wrong.push('overlap: ' + a.textContent.trim().slice(0, 20) + ' / ' + b.textContent.trim().slice(0, 20));
  }
  for (const plot of document.querySelectorAll('.js-plotly-plot')) {
    const edge = plot.getBoundingClientRect();
    for (const node of plot.querySelectorAll('text')) {
      const box = node.getBoundingClientRect();
      if (node.textContent.trim() && box.width && (box.left < edge.left - 2 || box.right > edge.right + 2)) wrong.push('chart text cut: ' + node.textContent.slice(0, 30));
    }
  }
  return wrong }

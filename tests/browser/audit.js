// Answers with what a careful reader of the page in front would complain of, as a list of sentences.
const answer = arguments[arguments.length - 1];
const PATIENCE = 10_000;

async function everyPictureSettled() {
  const began = performance.now();
  for (const image of document.images) image.loading = 'eager';
  await document.fonts.ready;
  while ([...document.images].some((image) => !image.complete) && performance.now() - began < PATIENCE) {
    await new Promise((next) => setTimeout(next, 25));
  }
}

function complaintsAboutThePage() {
  const complaints = [];
  const complain = (what, element) => complaints.push(`${what}: ${element ? element.outerHTML.slice(0, 160) : ''}`);
  const root = document.documentElement;
  const all = (selector) => [...document.querySelectorAll(selector)];
  const isShown = (element) => element.checkVisibility({visibilityProperty: true, opacityProperty: false});

  // Fits the window
  if (root.scrollWidth > root.clientWidth) {
    const wide = all('body *').filter((element) => isShown(element) && element.getBoundingClientRect().right > root.clientWidth + 1);
    complain(`the page is ${root.scrollWidth - root.clientWidth} px wider than the window`, wide[0]);
  }

  // Pictures
  for (const image of document.images) {
    if (!image.hasAttribute('alt')) complain('picture without alt', image);
    if (!image.complete || image.naturalWidth === 0) complain('picture did not load', image);
    if (!image.getAttribute('width') || !image.getAttribute('height')) complain('picture without its size', image);
  }

  // Names and labels
  const seenIds = new Set();
  for (const {id} of all('[id]')) {
    if (seenIds.has(id)) complaints.push(`two elements have the id ${id}`);
    seenIds.add(id);
  }
  for (const attribute of ['for', 'aria-describedby', 'aria-labelledby', 'popovertarget', 'aria-controls']) {
    for (const element of all(`[${attribute}]`)) {
      for (const id of element.getAttribute(attribute).split(/\s+/)) {
        if (!seenIds.has(id)) complain(`${attribute} leads to no element (${id})`, element);
      }
    }
  }
  for (const field of all('input:not([type=hidden], [hidden]), select, textarea')) {
    const label = [...(field.labels || [])].map((element) => element.textContent.trim()).join('');
    if (!label && !field.getAttribute('aria-label')) complain('field without a label', field);
  }
  for (const element of all('a[href], button')) {
    if (element.closest('[aria-hidden=true]')) {
      if (element.tabIndex >= 0) complain('hidden from screen readers but not from the keyboard', element);
      continue;
    }
    const name = element.getAttribute('aria-label') || element.textContent.trim() ||
      [...element.querySelectorAll('img')].map((image) => image.alt).join('').trim();
    if (!name) complain('link or button without a name', element);
  }
  for (const svg of all('svg:not(svg svg)')) {
    if (svg.getAttribute('aria-hidden') !== 'true' && !svg.getAttribute('aria-label')) complain('drawing without a name', svg);
  }

  // Structure
  if (!root.lang) complaints.push('the page does not say its language');
  if (!document.title.trim()) complaints.push('the page has no title');
  if (all('main').length !== 1) complaints.push('the page has not exactly one <main>');
  const levels = all('h1, h2, h3, h4, h5, h6').map((heading) => Number(heading.tagName[1]));
  if (levels.filter((level) => level === 1).length !== 1) complaints.push(`the page has not exactly one h1: ${levels}`);
  levels.forEach((level, place) => {
    if (place ? level > levels[place - 1] + 1 : level !== 1) complaints.push(`headings jump: ${levels.slice(0, place + 1)}`);
  });
  for (const element of all('[style], [onclick], script:not([src]), style')) complain('inline style or script', element);

  // Large enough to hit (WCAG 2.2, 2.5.8): links inside sentences excepted
  for (const element of all('button, input:not([type=hidden]), select, summary, nav a')) {
    const box = element.getBoundingClientRect();
    if (isShown(element) && box.width && (box.width < 24 || box.height < 24) && !element.closest('label')) {
      if (!['checkbox', 'radio'].includes(element.type)) complain(`only ${Math.round(box.width)}×${Math.round(box.height)} px`, element);
    }
  }

  // Contrast as painted (WCAG AA): text on the nearest ground that is not see-through
  const channels = (colour) => (colour.match(/[\d.]+/g) || []).map(Number);
  const luminance = ([r, g, b]) => {
    const [lr, lg, lb] = [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * lr + 0.7152 * lg + 0.0722 * lb;
  };
  const groundOf = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const ground = channels(getComputedStyle(at).backgroundColor);
      if (ground.length === 3 || ground[3] === 1) return ground;
    }
    return [255, 255, 255];
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const pale = new Set();
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.textContent.trim() || !isShown(element) || pale.has(element)) continue;
    if (element.closest('.unseen, .stamped, .skip:not(:focus)')) continue; // unseen, or on a picture
    const style = getComputedStyle(element);
    const [light, dark] = [luminance(channels(style.color)), luminance(groundOf(element))].sort((a, b) => b - a);
    const ratio = (light + 0.05) / (dark + 0.05);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (isLarge ? 3 : 4.5)) {
      pale.add(element);
      complain(`contrast of ${ratio.toFixed(2)}`, element);
    }
  }
  return complaints;
}

everyPictureSettled().then(() => answer(complaintsAboutThePage()));

// A film whose frames lie in one sheet; draws the frame of a time, tells its number.
window.avlib = window.avlib || {};
window.avlib.film = window.avlib.film || ((root) => {
  const canvas = root.querySelector('.avl-stage canvas'), sprite = root.querySelector('.avl-sprite');
  if (!canvas) return null;
  const motion = root.querySelector('.avl-motion');
  const { frames, fps, columns, width, height } = JSON.parse(canvas.dataset.film);
  if (motion && matchMedia('(prefers-reduced-motion: reduce)').matches) motion.checked = false;
  const frame = (time) => Math.max(0, Math.min(frames - 1, Math.floor(time * fps + 1e-6)));
  const draw = (time, moving, k = frame(time)) => {
    if (!sprite.complete || (moving && motion && !motion.checked)) return;
    canvas.getContext('2d').drawImage(sprite, (k % columns) * width, Math.floor(k / columns) * height, width, height,
      0, 0, canvas.width, canvas.height);
    canvas.dataset.frame = k;
  };
  return { canvas, draw, frame, ready: sprite.decode() };
});

import { useLayoutEffect, useState } from 'preact/hooks';

/** The inner size of an element, and again whenever it changes; zero before the first layout. */
export function useSize<T extends HTMLElement>(place: { current: T | null }): { width: number; height: number } {
  const [size, setSize] = useState({ width: 0, height: 0 });
  useLayoutEffect(() => {
    const element = place.current;
    if (!element) return;
    const measure = () => setSize((known) => (known.width === element.clientWidth && known.height === element.clientHeight
      ? known : { width: element.clientWidth, height: element.clientHeight }));
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return size;
}

import type { Sample } from './samples_en';

export const samplesKo: readonly Sample[] = [
  {
    id: 'query', name: '질의 교정',
    template: {
      instruction: '검색어의 맞춤법을 바르게 고치세요. 뜻은 바꾸지 마세요.',
      inputLabel: '검색어:', outputLabel: '교정:',
      shots: [
        { input: '서울 날시 내일', output: '서울 날씨 내일' },
        { input: '맛있는 김치찌게 끄리는 법', output: '맛있는 김치찌개 끓이는 법' },
        { input: '영화 예메 사이트', output: '영화 예매 사이트' },
      ],
      question: '부산 맛집 추쳔',
    },
  },
  {
    id: 'chatbot', name: '챗봇',
    template: {
      instruction: '다음은 친절한 서점 상담원과 손님의 대화입니다.',
      inputLabel: '손님:', outputLabel: '상담원:',
      shots: [
        { input: '몇 시에 문을 여나요?', output: '매일 아침 아홉 시부터 저녁 여덟 시까지 엽니다.' },
        { input: '어린이 책도 있나요?', output: '네, 이 층에 나이별로 있습니다.' },
        { input: '책을 반품할 수 있나요?', output: '영수증이 있으면 이 주 안에 가능합니다.' },
      ],
      question: '동생에게 줄 선물을 찾고 있어요.',
    },
  },
  {
    id: 'sql', name: '질문을 SQL로',
    template: {
      instruction: '표 orders(id, customer, city, price, ordered_at)에 대한 SQL 하나를 쓰세요.',
      inputLabel: '질문:', outputLabel: 'SQL:',
      shots: [
        { input: '주문은 모두 몇 건인가요?', output: 'SELECT COUNT(*) FROM orders;' },
        { input: '김 씨가 쓴 돈은 모두 얼마인가요?', output: "SELECT SUM(price) FROM orders WHERE customer = '김';" },
        { input: '주문이 많은 도시 셋은 어디인가요?', output: 'SELECT city FROM orders GROUP BY city ORDER BY COUNT(*) DESC LIMIT 3;' },
      ],
      question: '도시마다 가장 비싼 주문은 무엇인가요?',
    },
  },
  {
    id: 'latex', name: '말을 LaTeX로',
    template: {
      instruction: '식을 LaTeX로 쓰세요.',
      inputLabel: '말:', outputLabel: 'LaTeX:',
      shots: [
        { input: 'x 제곱 더하기 2분의 1', output: 'x^2 + \\frac{1}{2}' },
        { input: 'k가 1부터 n까지의 합', output: '\\sum_{k=1}^{n} k' },
        { input: 'a 더하기 b의 제곱근', output: '\\sqrt{a + b}' },
      ],
      question: '0부터 무한대까지 e의 마이너스 x 제곱의 적분',
    },
  },
  {
    id: 'shell', name: '할 일을 셸로',
    template: {
      instruction: '할 일을 하는 셸 명령 하나만 쓰세요.',
      inputLabel: '할 일:', outputLabel: '명령:',
      shots: [
        { input: '여기 있는 파일을 큰 것부터 보기', output: 'ls -lS' },
        { input: '모든 텍스트 파일의 줄 수 세기', output: 'cat *.txt | wc -l' },
        { input: '오늘 바뀐 파일 찾기', output: 'find . -mtime -1 -type f' },
      ],
      question: 'app.log의 마지막 열 줄 보기',
    },
  },
];

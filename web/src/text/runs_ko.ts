import type { RunsText } from './runs_en';

export const runsKo: RunsText = {
  columns: '열', findColumn: '지표나 매개변수 찾기', usual: '기본 열', noColumn: '그런 이름이 없습니다.',
  families: { metrics: '지표', params: '매개변수', tags: '태그' },
  compare: (n) => (n === 0 ? '비교' : `${n}개 비교`), compareHint: '두 개 이상 고르면 비교할 수 있습니다(x로 행 선택).',
  most: (n) => `한 번에 ${n}개까지 비교합니다.`, choose: (name) => `${name} 선택`, clear: '선택 해제',
  total: (n) => `실행 ${n}개`, chosen: (n) => `${n}개 선택`, sortBy: (name) => `${name} 순 정렬`,
  help: '/ 필터, j·k 이동, x 선택, Enter 열기', filterExample: 'metrics.loss < 0.3 and params.lr > 0.01',
  axis: '가로축', axes: { step: '단계', relative: '경과', wall: '시각' }, smooth: '평활', log: '로그 축',
  findMetric: '지표 찾기', more: (n) => `${n}개 더 보기`, last: '마지막', best: '최고', atStep: (step) => `${step}단계`,
  lineage: '계보', noPositive: '로그 축에는 양수만 표시됩니다.', data: '데이터',
  lineageWords: {
    code: '코드', environment: '환경', data: '데이터', datasets: '데이터 세트', parent: '상위', parents: '상위', children: '하위',
    git: 'Git', commit: '커밋', branch: '브랜치', dirty: '커밋되지 않은 변경', image: '이미지', command: '명령', inputs: '입력', outputs: '출력',
    sources: '출처', snapshots: '스냅샷', job: '작업', study: '탐색', trial: '시도',
    repository: '저장소', node: '노드', nodes: '노드 수', gpus: 'GPU 수', 'gpu.type': 'GPU 종류', 'gpu.driver': 'GPU 드라이버', cuda: 'CUDA 버전',
    python: 'Python 버전', os: '운영 체제', 'image.digest': '이미지 다이제스트', user: '사용자', attempts: '실행 횟수',
  },
  yes: '예', no: '아니요',
  compared: {
    title: '실행 비교', tabs: '비교 항목', curves: '곡선', table: '표', relations: '관계', remove: (name) => `${name} 빼기`,
    none: '표에서 실행을 골라 비교하세요.', toRuns: '실행 목록으로', onlyDifferent: '다른 것만', differs: '다름',
    same: '실행 사이에 차이가 없습니다.', params: '매개변수', metrics: '지표', tags: '태그', run: '실행', state: '상태', took: '소요', started: '시작',
    goal: { min: '최소', max: '최대' }, best: '가장 좋은 값', scatter: '하나와 하나', parallel: '한꺼번에', across: '가로', up: '세로',
    needTwo: '서로 다른 매개변수와 지표가 필요합니다.', noMetrics: '아직 지표가 없습니다.', noValue: '없음',
    scatterSays: (x, y, n) => `${x}에 대한 ${y}, 실행 ${n}개`, parallelSays: (axes) => `${axes}에 걸친 실행별 선`,
    log: '로그',
  },
};

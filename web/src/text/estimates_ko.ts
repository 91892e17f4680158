import type { EstimatesText } from './estimates_en';

export const estimatesKo: EstimatesText = {
  title: '예측', lead: '실행하기 전에, 학습이 장비마다 얼마나 걸리고 얼마가 드는지 알려 줍니다.',
  form: '학습', network: '네트워크', custom: '다른 네트워크', gflops: '항목당 순전파 GFLOPs', parameters: '매개변수(백만)', precision: '정밀도',
  batch: 'GPU당 배치', items: '에폭당 항목', epochs: '에폭', budget: '예산($)', deadline: '기한', deadlineExample: '24h', optional: '없음',
  machines: '고를 장비', gpu: 'GPU', gpus: 'GPU 수', usd: '시간당 $', spot: '스팟', add: '장비 추가', remove: (name) => `${name} 빼기`,
  machine: (n) => `장비 ${n}`, offers: '가격표에서', addOffer: '추가…',
  cluster: '우리 GPU', prices: (n) => `가격표의 장비 ${n}개 모두`, spotToo: '스팟 장비도',
  estimate: '예측하기', estimating: '예측 중…', wrong: (fields) => `확인해 주세요: ${fields}.`, first: '학습과 장비를 적고 예측하기를 누르세요.',
  results: '구성', name: '장비', runtime: '실행 시간', interval: 'p10–p90', cost: '비용', costMost: 'p90', wait: '대기', finish: '완료', verdict: '판정', note: '비고',
  step: '단계', recommended: '추천', pareto: '파레토', paretoHint: '더 빠르면서 더 싼 것이 없습니다',
  verdicts: { good: '가능', too_slow: '너무 느림', too_dear: '너무 비쌈', out_of_memory: '메모리 부족', impossible: '불가능' },
  plot: '시간 대비 비용', plotSays: (n, best) => `구성 ${n}개의 시간 대비 비용, 추천: ${best}`,
  timeAxis: '완료까지 걸리는 시간', costAxis: '비용', front: '파레토 경계', point: (name, time, cost) => `${name}: ${time}, ${cost}`,
  pointHint: '수염은 p10에서 p90까지입니다. 장비를 가리키면 값이 보입니다.',
  accuracy: '예측과 실제', accuracySays: (n) => `작업 ${n}개의 예측 시간과 실제 시간, 대각선이 완벽한 예측`,
  estimated: '예측', actual: '실제', error: '오차', inside: 'p10–p90 안', job: '작업', made: '예측 시점', at: '언제', yes: '예', no: '아니요',
  madeWords: { before: '시작 전', running: '실행 중' },
  mdape: '오차 중앙값', coverage: '지켜진 구간', counted: '측정한 작업', noAccuracy: '예측이 있는 작업이 아직 끝나지 않았습니다. 진행 상황을 알리는 작업은 저절로 측정됩니다.',
  asTable: '표', asChart: '그래프',
  progressOf: (name) => `${name} 진행률`, remaining: (time) => `${time} 남음`, stepsOf: (step, total) => (total ? `${total}단계 중 ${step}` : `${step}단계`),
  epochsOf: (epoch, total) => (total ? `${total}에폭 중 ${epoch}` : `${epoch}에폭`), totalPredicted: '끝은 이전 실행에 따라 예측',
  aStep: (time) => `단계당 ${time}`, etaUnknown: '아직 알 수 없음',
  target: (metric, value, outlook, at) =>
    ({ expected: `${metric} ${value} ${at} 예상`, reached: `${metric} ${value} 도달`, 'out of reach': `${metric} ${value} 도달 불가` } as Record<string, string>)[outlook] ?? '',
  costLeft: (usd) => `앞으로 ${usd}`, fromBefore: '시작 전에 알던 것으로 예측', unsteady: '단계 시간이 아직 안정되지 않음',
  etaHint: (at, least, most, from) => `${at} 완료 예정, 다섯 중 넷은 ${least}에서 ${most} 더 걸림${from === 'before' ? ' (시작 전 예측)' : ''}`,
};
